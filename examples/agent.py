"""A LangGraph agent that searches a collection and cites it: python examples/agent.py "QUESTION".

It needs a collection (python ingest.py documents/ships) and GOOGLE_API_KEY.
"""

import sys

from langchain.agents import create_agent

from rag_pipeline import Pipeline, RagPipelineError, load_settings
from rag_pipeline.answering import make_chat_model


def main(question: str) -> None:
    settings = load_settings()
    with Pipeline(settings) as pipeline:
        agent = create_agent(
            make_chat_model(settings.answer),
            tools=[pipeline.as_tool()],
            system_prompt="Answer from what the search finds, and cite each passage by its label: [k7d2q].",
        )
        result = agent.invoke({"messages": [{"role": "user", "content": question}]})
    print(result["messages"][-1].text)
    found = [document for message in result["messages"] for document in getattr(message, "artifact", None) or []]
    for label, source in {document["metadata"]["label"]: document["metadata"] for document in found}.items():
        print(f"  [{label}] {source['source']}  {source['section']}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print('usage: python examples/agent.py "QUESTION" (needs a collection and GOOGLE_API_KEY)', file=sys.stderr)
        sys.exit(2)
    try:
        main(sys.argv[1])
    except RagPipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
