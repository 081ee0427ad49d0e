#!/bin/sh
# The main job, by the commands a user would type: documents in, passages out.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

run() {
  printf '\n$ python'
  for word in "$@"; do
    case $word in *' '*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac
  done
  printf '\n'
  "$python" "$@"
}

run ingest.py documents/ships
run query.py -k 3 '최대 흘수가 12.04 m인 컨테이너선은 무엇인가?'
run query.py -k 3 'Which container ship has a maximum draft of 12.04 m?'

cat <<'END'
The score is the inner product of question and passage, and what the words in common add to it (--explain). Next:
  your folder   .venv/bin/python ingest.py ~/Documents/reports --collection reports
                .venv/bin/python query.py "..." --collection reports
  your model    a hub name or a folder under `embeddings` in config.yaml, then
                .venv/bin/python ingest.py documents/ships --collection ships-bge --embedding bge-m3-ko
  what is here  .venv/bin/python -m rag_pipeline status    (or doctor, config, --help)
END
