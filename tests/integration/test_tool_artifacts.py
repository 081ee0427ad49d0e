"""What a tool has found, as apps read it: at once, and from what LangGraph has written down."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver

from rag_pipeline.integration.tool import make_tool
from tests.integration.test_answer_chain import Shelf

CALL = {"name": "search_docs", "args": {"question": "a tug tows ships"}, "id": "1"}


class Calling(GenericFakeChatModel):
    """A model that calls the tool, and then has done."""

    def bind_tools(self, *_arguments, **_options):
        return self


@pytest.fixture
def tool():
    documents = [
        Document("A tug tows ships.", id="t", metadata={"source": "tug.md", "score": 0.5, "tags": ["a"]}),
        Document("A buoy marks water.", metadata={"source": "buoy.md"}),
    ]
    return make_tool(Shelf(documents=documents), "search_docs", "Searches.")


async def test_an_artifact_is_read_alike_before_and_after_a_checkpoint(tool):
    def answers():
        return iter([AIMessage("", tool_calls=[CALL]), AIMessage("done"), AIMessage("and again")])

    for thread, ask in (("sync", None), ("async", "ainvoke")):
        agent = create_agent(Calling(messages=answers()), tools=[tool], checkpointer=InMemorySaver())
        config = {"configurable": {"thread_id": thread}}
        artifacts = []
        for question in ("what tows?", "and?"):
            asked = {"messages": [("user", question)]}
            state = agent.invoke(asked, config) if ask is None else await agent.ainvoke(asked, config)
            artifacts += [message.artifact for message in state["messages"] if message.type == "tool"]
        assert len(artifacts) == 2
        assert artifacts[0] == artifacts[1]
        assert [type(found) for found in artifacts[1]] == [dict, dict]
        for found in artifacts:
            assert (len(found[0]["metadata"]["label"]), found[0]["metadata"]["source"]) == (5, "tug.md")
            assert (found[0]["id"], found[0]["page_content"], found[1]["id"]) == ("t", "A tug tows ships.", None)
            document = Document(**found[0])
            assert (document.id, document.metadata) == ("t", found[0]["metadata"])


def test_an_artifact_is_plain_json(tool):
    message = tool.invoke({"type": "tool_call", **CALL})
    assert json.loads(json.dumps(message.artifact)) == message.artifact
    assert ToolMessage.model_validate_json(message.model_dump_json()).artifact == message.artifact


def test_what_was_written_for_documents_goes_on_in_the_run_that_finds_them(tool):
    (found, _) = tool.invoke({"type": "tool_call", **CALL}).artifact
    for one in (found, copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert (one.id, one.page_content) == ("t", "A tug tows ships.")
        assert one.metadata["source"] == "tug.md"
        assert one == found
