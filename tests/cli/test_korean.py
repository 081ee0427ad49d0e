"""The command line in Korean, where the locale is Korean; what programs read stays as it is."""

from __future__ import annotations

import ast
import json
import re
import unicodedata

import pytest
import yaml

from rag_pipeline import Pipeline, load_settings
from rag_pipeline.cli import COMMANDS, error_texts, run
from rag_pipeline.cli.error_texts import translated
from rag_pipeline.config.names import CONFIG_FILE
from rag_pipeline.errors import UsageError
from rag_pipeline.messages import FOLDER, speaking
from rag_pipeline.store.embedded.lock import writer_lock
from tests.conftest import complaints

KOREAN = {"LC_ALL": "", "LC_MESSAGES": "", "LANG": "ko_KR.UTF-8"}
HANGUL = re.compile("[가-힣]")
ENGLISH_SENTENCE = re.compile(r"\b[a-z]+ [a-z]+ [a-z]+ [a-z]+\b")


@pytest.fixture
def say(project, monkeypatch, capsys):
    """Run a command in Korean."""
    for name, value in KOREAN.items():
        monkeypatch.setenv(name, value)

    def say(*arguments):
        code = run(None, list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return say


def width(line):
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


@pytest.mark.slow
def test_a_whole_process_speaks_korean(python, project):
    run = ["-m", "rag_pipeline"]
    ingested = python(*run, "ingest", cwd=project, env=KOREAN)
    assert (ingested.returncode, complaints(ingested.stderr)) == (0, [])
    assert re.match(
        r"docs: 추가 3, 갱신 0, 그대로 0, 삭제 0, 실패 0; 청크 5개; [\d.]+초; 초당 토큰 [\d,]+개\n", ingested.stdout
    )
    asked = python(*run, "query", "최대 흘수는?", "--mode", "lexical", cwd=project, env=KOREAN)
    assert re.search(r"#\s+점수\s+구절", asked.stdout)
    wrong = python(*run, "query", "최대 흘수는?", "--collection", "none", cwd=project, env=KOREAN)
    assert wrong.returncode == 2
    assert wrong.stderr == f"오류: {project / 'chroma_db'}에 컬렉션 'none'이(가) 없습니다. 있는 것: docs\n"
    # LC_ALL goes before LANG.
    english = python(*run, "query", "최대 흘수는?", "--collection", "none", cwd=project, env={**KOREAN, "LC_ALL": "C"})
    assert english.stderr.startswith("error: unknown collection 'none' in ")


@pytest.mark.slow
def test_help_is_korean_and_as_wide_as_the_terminal(say):
    for command in COMMANDS:
        code, out, _ = say(command, "--help")
        assert code == 0
        assert out.startswith("사용법: ")
        assert "옵션:" in out
        assert "이 도움말을 보이고 끝냅니다." in out
        assert not ENGLISH_SENTENCE.search(out), out
        assert "Usage" not in out
        assert "[default" not in out
        assert "[required" not in out
        assert "\ue000" not in out
        assert max(width(line) for line in out.splitlines()) <= 80
    code, out, _ = say("--help")
    assert all(f"  {command}" in out for command in COMMANDS)
    assert "명령:" in out


def test_descriptions_of_options_begin_in_one_column(say):
    _, out, _ = say("status", "--help")
    options = out.partition("옵션:\n")[2].splitlines()
    begins = {width(line[: HANGUL.search(line).start()]) for line in options}
    assert len(begins) == 1, out


@pytest.mark.slow
def test_json_and_what_python_sees_stay_english(say):
    english = say("ingest", "--json")
    assert not HANGUL.search(english[1])
    assert list(json.loads(english[1]))[:3] == ["collection", "embedding", "files"]
    assert not HANGUL.search(say("status", "--json")[1])
    with Pipeline() as pipeline:
        assert pipeline.ingest().summary().startswith("docs: 0 new")
    with pytest.raises(UsageError, match="missing.yaml not found"):
        load_settings("missing.yaml")


@pytest.mark.slow
def test_tables_and_summaries_are_korean_and_in_line(say, documents):
    assert say("ingest", "--dry-run")[1] == (
        "추가    bulk.md\n추가    container.md\n추가    notes.txt\n"
        "docs: 예정 추가 3, 갱신 0, 그대로 0, 삭제 0, 실패 0; 청크 0개\n"
    )
    assert say("status")[1].endswith("chroma_db: 아직 컬렉션이 없습니다. 먼저 rag-pipeline ingest를 실행하세요\n")
    say("ingest")
    code, out, _ = say("status")
    heading, rule, row = out.splitlines()[1:4]
    assert heading.split() == ["컬렉션", "임베딩", "모델", "차원", "문서", "청크", "어휘", "색인"]
    assert row.split()[-5:-2] == ["3", "5", "맞음"]
    assert width(heading.rstrip()) <= width(rule.rstrip())
    assert "디스크에 모두" in out
    code, out, _ = say("verify")
    assert (code, out) == (0, "docs: 온전함; 청크 5개; 색인이 가장 가까운 10개 중 100.0% 찾음\n")
    code, out, _ = say("query", "운하 흘수", "--explain")
    assert "내적 " in out
    assert "낱말: " in out
    code, out, err = say("query", "흘수", "--where", "year=1")
    assert err == "--where에 맞는 구절이 없습니다\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("ingest nowhere", 2, "폴더 nowhere을(를) 찾을 수 없습니다"),
        ("ingest config.yaml", 2, "config.yaml은(는) 폴더가 아닙니다"),
        ("ingest empty", 2, "폴더 empty에 읽을 수 있는 문서가 없습니다. 읽을 수 있는 형식: "),
        ("ingest docs docs/inner", 2, "폴더 docs/inner은(는) docs 안에 있어 이미 함께 들어갑니다. 빼고 실행하세요"),
        ("ingest --collection other", 2, "폴더를 적지 않았고, config.yaml에도 컬렉션 'other'의 폴더가 없습니다"),
        ("ingest docs --collection 한글", 2, "'한글'은(는) 컬렉션 이름이 될 수 없습니다"),
        ("ingest --embedding tinny", 2, "모르는 임베딩 'tinny'. 있는 것: bundled"),
        ("ingest --config missing.yaml", 2, "설정 파일 missing.yaml을(를) 찾을 수 없습니다"),
        ("ingest --config docs", 2, "설정 docs은(는) 일반 파일이 아닙니다"),
        ("ingest --config bad.yaml", 2, "bad.yaml: YAML로 읽을 수 없습니다"),
        ("ingest --config list.yaml", 2, "list.yaml: 키와 값이 있어야 하는데 list이(가) 있습니다"),
        ("ingest --config key.yaml", 2, "key.yaml: stor: 모르는 키입니다. 여기에 쓸 수 있는 키: "),
        ("ingest --config value.yaml", 2, "value.yaml: retrieval.top_k: 값이 'many'입니다. 쓸 수 있는 값: "),
        ("ingest --watch --rebuild", 2, "--watch는 --dry-run이나 --rebuild와 함께 쓸 수 없습니다"),
        ("ingest --workers 2", 2, "--address와 --workers는 --engine ray와 함께 씁니다"),
        ("ingest --nonsense", 2, "없는 옵션입니다: --nonsense (--help 참고)"),
        ("ingest --collection", 2, "옵션 '--collection'에는 값이 있어야 합니다. (--help 참고)"),
        ("nonsense", 2, "없는 명령입니다: 'nonsense'. (--help 참고)"),
        ("switch", 2, "인자 'COLLECTION'이(가) 없습니다. (--help 참고)"),
        ("query a b", 2, "필요 없는 인자가 더 있습니다(b) (--help 참고)"),
        ("query a -k x", 2, "'-k' / '--top-k'의 값이 잘못되었습니다: 정수여야 합니다 (--help 참고)"),
        ("query a -k 0", 2, "-k는 1 이상이어야 하는데 0입니다"),
        ("query ?", 2, "에 컬렉션 'docs'이(가) 없습니다. 아직 컬렉션이 없으니"),
        ("query a --questions b", 2, "질문 하나를 적거나, --questions로 파일의 질문을 물으세요"),
        ("query a --rerank best", 2, "모르는 --rerank 'best'. 있는 것: "),
        ("query a --where type", 2, "--where 'type': 알 수 없는 조건입니다. 이렇게 씁니다: "),
        ("query a --collection none", 2, "에 컬렉션 'none'이(가) 없습니다. 아직 컬렉션이 없으니"),
        ("init docs", 2, "config.yaml이(가) 이미 있어 그대로 둡니다"),
    ],
)
def test_errors_are_korean_with_the_same_exit_codes(say, project, documents, arguments, code, said):
    (project / "empty").mkdir()
    (documents / "inner").mkdir()
    (project / "bad.yaml").write_text("a: [\n", "utf-8")
    (project / "list.yaml").write_text("- a\n", "utf-8")
    (project / "key.yaml").write_text("stor: {}\n", "utf-8")
    (project / "value.yaml").write_text("retrieval: {top_k: many}\n", "utf-8")
    found, out, err = say(*arguments.split())
    assert (found, out) == (code, "")
    assert err.startswith("오류: ")
    assert said in err
    assert len(err.splitlines()) == 1


@pytest.mark.slow
def test_a_mismatch_and_a_lock_are_said_in_korean(say, project):
    say("ingest")
    code, _, err = say("ingest", "--embedding", "tiny-cls")
    assert code == 3
    assert err.startswith("오류: 컬렉션 'docs'은(는) 임베딩 'tiny'(")
    assert "다시 만들거나(rag-pipeline ingest --collection docs --embedding tiny-cls --rebuild)" in err
    with writer_lock(project / "chroma_db"):
        code, _, err = say("ingest")
    assert code == 4
    assert re.match(r"오류: 이 프로세스의 다른 스레드이\(가\) .* 쓰는 중입니다. 끝난 뒤에 다시 실행하세요$", err)


@pytest.mark.slow
def test_reasons_of_files_are_korean(say, documents):
    (documents / "scan.txt").write_bytes(b"\x89PNG\0\0")
    (documents / "blank.md").write_text("  \n")
    (documents / "photo.jpg").write_bytes(b"x")
    code, out, err = say("ingest")
    assert code == 1
    assert "실패 2" in out
    assert err.splitlines() == [
        "경고: 파일 1개를 건너뜁니다: .jpg 형식은 읽을 수 없습니다",
        "경고: blank.md: 글이 없습니다",
        "경고: scan.txt: 글이 아닌 이진 파일입니다",
    ]


@pytest.mark.slow
def test_init_writes_korean_comments_and_the_same_settings(python, tmp_path, documents):
    told = {}
    for language, environment in (("ko", KOREAN), ("en", {"LC_ALL": "C"})):
        file = tmp_path / CONFIG_FILE
        done = python("-m", "rag_pipeline", "init", "docs", "--no-ingest", cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        told[language] = file.read_text("utf-8")
        file.unlink()
        said = done.stderr.splitlines()
        if language == "ko":
            assert said == [
                "config.yaml을(를) 썼습니다: docs의 컬렉션 docs",
                "이제 문서를 들이세요: rag-pipeline ingest",
            ]
    assert yaml.safe_load(told["ko"]) == yaml.safe_load(told["en"])
    comments = [line.partition("#")[2] for line in told["ko"].splitlines() if "#" in line]
    assert all(HANGUL.search(comment) for comment in comments)
    assert not HANGUL.search(told["en"])


def test_a_message_that_is_not_known_stays_as_it_is():
    with speaking("ko"):
        assert translated("nothing of this kind") == "nothing of this kind"
        assert translated("a\nfolder b not found") == "a\nfolder b not found"
        assert translated("folder a\nb not found") == "폴더 a\nb을(를) 찾을 수 없습니다"
        # A sentence within another is translated, a value never.
        assert (
            translated("a.html cannot be written: Permission denied") == "a.html을(를) 쓸 수 없습니다: 권한이 없습니다"
        )
        assert translated("folder holds no text not found") == "폴더 holds no text을(를) 찾을 수 없습니다"
        assert translated("folder {name} not found") == "폴더 {name}을(를) 찾을 수 없습니다"
    assert translated("folder a not found") == "folder a not found"


@pytest.mark.slow
def test_every_sentence_that_is_translated_is_said_somewhere():
    """An error that is reworded has its template reworded too, or it would be shown in English."""
    said = []
    for file in FOLDER.parent.rglob("*.py"):
        if file.name != "error_texts.py":
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    said.append(node.value)
    everything = "\0".join(said)
    for template in error_texts.OURS:
        for phrase in re.split(r"\{\w+\}|[;:(),]|(?<=\.) ", template):
            if " " in phrase.strip():
                assert phrase.strip() in everything, template
