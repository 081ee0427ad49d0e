"""A LangGraph agent that searches a collection and cites it: python examples/agent.py "QUESTION".

It needs a collection (python ingest.py documents/ships) and GOOGLE_API_KEY.
"""

import sys

from langchain.agents import create_agent

from rag_pipeline import Pipeline, load_settings
from rag_pipeline.answering import make_chat_model

settings = load_settings()
with Pipeline(settings) as pipeline:
    agent = create_agent(
        make_chat_model(settings.answer),
        tools=[pipeline.as_tool()],
        system_prompt="Answer from what the search finds, and cite its passages by their numbers: [1].",
    )
    result = agent.invoke({"messages": [{"role": "user", "content": sys.argv[1]}]})

print(result["messages"][-1].text)
for message in result["messages"]:
    if message.type == "tool":
        for number, document in enumerate(message.artifact, start=1):
            print(f"  [{number}] {document.metadata['source']}  {document.metadata['section']}")
