"""What a warm process has imported before it starts: libraries only, which no test changes."""

import chromadb  # noqa: F401
import google.genai  # noqa: F401
import huggingface_hub  # noqa: F401
import langchain_core.callbacks.manager
import langchain_core.documents
import langchain_core.embeddings
import langchain_core.retrievers
import langchain_core.runnables
import langchain_core.tools
import langchain_core.vectorstores  # noqa: F401
import langchain_google_genai  # noqa: F401
import rich.console
import rich.table  # noqa: F401
import safetensors.torch  # noqa: F401
import tokenizers  # noqa: F401
import torch  # noqa: F401
import transformers.modeling_utils
import transformers.models.bert.modeling_bert
import transformers.models.xlm_roberta.modeling_xlm_roberta  # noqa: F401
import typer  # noqa: F401
import yaml  # noqa: F401
