"""A conversation over a collection: python examples/chat.py, then a question a line.

Each question is rewritten to stand without what was said before, then searched for. It needs a collection
(python ingest.py documents/ships) and GOOGLE_API_KEY.
"""

import sys

from rag_pipeline import Pipeline, RagPipelineError


def main() -> None:
    with Pipeline() as pipeline:
        chain = pipeline.answer_chain(k=4)
        history: list[tuple[str, str]] = []
        for question in filter(None, map(str.strip, sys.stdin)):
            answer = ""
            for piece in chain.stream({"question": question, "history": history}):
                if "question" in piece:
                    print(f"> {piece['question']}")
                if "answer" in piece:
                    answer += piece["answer"]
                    print(piece["answer"], end="", flush=True)
                for cited in piece.get("citations", []):
                    print(f"\n  [{cited['number']}] {cited['source']}  {cited['section']}", end="")
                for problem in piece.get("problems", []):
                    print(f"\n  ! {problem}", end="")
            print()
            history += [("human", question), ("ai", answer)]
    if not history:
        print("usage: python examples/chat.py, then a question a line on standard input", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    try:
        main()
    except RagPipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
