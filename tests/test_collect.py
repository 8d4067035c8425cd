"""What comes back is sorted by student, whatever became of its names on the way."""

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import numbers_exercise as numbers
import pytest
import warm

from autograder.course.collect import collect
from autograder.course.grade import GradingProblem
from autograder.course.handed_in import Owner, is_named_after, is_rubbish, owner_of
from autograder.course.roster import Roster

EXERCISE = "04_residual"
CANVAS_LATE = "doejane_LATE_4321_998877_04_residual.ipynb"
MOODLE = "Jane Doe_12345_assignsubmission_file"


def notebook(mark: object = 1, exercise: str | None = EXERCISE) -> bytes:
    metadata = {"autograder": {"exercise": exercise}} if exercise else {}
    return json.dumps(
        {**numbers.notebook([numbers.code(f"x = {mark}")]), "metadata": metadata}
    ).encode()


def zipped(files: dict[str, bytes], times: dict[str, tuple] | None = None) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as made:
        for name, content in files.items():
            when = (times or {}).get(name, (2026, 1, 1, 0, 0, 0))
            made.writestr(zipfile.ZipInfo(name, when), content)
    return raw.getvalue()


@pytest.fixture
def collected(tmp_path):
    """A function: what is collected of a zip of these files, and the folder."""

    def run(files, times=None, roster=None, force=False, exercise=EXERCISE):
        (tmp_path / "class.zip").write_bytes(zipped(files, times))
        into = tmp_path / "submitted"
        return collect(tmp_path / "class.zip", exercise, into, roster, force), into

    return run


def roster_of(tmp_path, text: str) -> Roster:
    (tmp_path / "class.csv").write_text(text, "utf-8")
    return Roster.read(tmp_path / "class.csv")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("mia/04_residual/04_residual.ipynb", "mia"),
        ("mia/04_residual.ipynb", "mia"),
        ("mia_04_residual.ipynb", "mia"),
        ("team_07_04_residual.ipynb", "team_07"),
        ("team_12_04_residual.ipynb", "team_12"),
        ("student7_04_residual (1).ipynb", "student7"),
        ("Copy of mia_04_residual.ipynb", "mia"),
        ("mia_04_residual-Copy1.ipynb", "mia"),
        ("mia-04_residual.ipynb", "mia"),
        ("12345_04_residual.ipynb", "12345"),
        ("team-07.zip/04_residual.ipynb", "team-07"),
        ("mia (2).zip/work/04_residual.ipynb", "mia"),
        ("mia_04_residual.zip/my_04_residual.ipynb", "mia"),
        ("submissions/mia/04_residual.ipynb", "mia"),
        ("class/mia/04_residual/04_residual.ipynb", "mia"),
        ("doejane_4321_998877_04_residual.ipynb", "doejane"),
        (CANVAS_LATE, "doejane"),
        ("doejane_4321_998877_04_residual-2.ipynb", "doejane"),
        ("doejane_4321_998877_homework.ipynb", "doejane"),
        ("anon_x7Q2p_998877_04_residual.ipynb", "anon_x7Q2p"),
        ("anon_x7Q2p_LATE_998877_04_residual.ipynb", "anon_x7Q2p"),
        ("Jane Doe_12345_assignsubmission_file_/04_residual.ipynb", "Jane Doe"),
        ("mia.zip/work/hw/04_residual/04_residual.ipynb", "mia"),
        ("mia/04_residual.zip/04_residual/04_residual.ipynb", "mia"),
        ("mia/submission.zip/04_residual.ipynb", "mia"),
        ("mia_04_residual [1].ipynb", "mia"),
        ("mia_04_residual - Kopie (2).ipynb", "mia"),
        ("mia_04-Residual.ipynb", "mia"),
        ("mia_04 residual.ipynb", "mia"),
        ("LATE_anon_x7Q2p_998877_04_residual.ipynb", "anon_x7Q2p"),
        (f"{MOODLE}/04_residual.ipynb", "Jane Doe"),
        (f"{MOODLE}/sub/04_residual (1).ipynb", "Jane Doe"),
        (f"{MOODLE}_04_residual.ipynb", "Jane Doe"),
        ("Participant_77_assignsubmission_file/04_residual.ipynb", "Participant"),
        ("Group 7_12_assignsubmission_file/04_residual.ipynb", "Group 7"),
        ("04_residual.ipynb", None),
        ("submitted/04_residual/04_residual.ipynb", None),
    ],
)
def test_a_path_says_whose_it_is(path, name):
    owner = owner_of(path, EXERCISE)
    assert (owner.name if owner else None) == name


def test_what_platforms_count_is_kept():
    canvas = Owner("doejane", ("4321",), 998877)
    assert owner_of(CANVAS_LATE, EXERCISE) == canvas
    assert owner_of(f"{MOODLE}/04_residual.ipynb", EXERCISE) == Owner("Jane Doe", ("12345",))


@pytest.mark.parametrize(
    "name",
    ["04_residual.ipynb", "04_residual (1).ipynb", "04_residual(12).ipynb", "04_residual-1.ipynb",
     "Copy of 04_residual.ipynb", "04_residual-Copy1.ipynb", "04_residual - Copy.ipynb",
     "04_residual copy 2.ipynb", "04_residual 2.ipynb", "mia_04_residual-Copy2 (1).ipynb",
     "04_residual - Kopie.ipynb", "04_residual – Kopie 2.ipynb", "04_residual - copia (2).ipynb",
     "04_residual - Copie.ipynb", "04_residual [1].ipynb", "04_residual~1.ipynb",
     "04_Residual.ipynb", "04-residual (2).ipynb", "04 residual.IPYNB",
     "04_residual.ipynb.txt", "04_residual.ipynb.json", "04_residual (1).ipynb.txt"],
)  # fmt: skip
def test_the_names_of_copies_are_known(name):
    assert is_named_after(name, EXERCISE)


def test_other_names_are_not_taken_for_the_exercise():
    for name in (
        "14_residual.ipynb",
        "homework.ipynb",
        "05_normalization.ipynb",
        "x04_residual.ipynb",
    ):
        assert not is_named_after(name, EXERCISE)


def test_rubbish_is_known():
    for path in ("__MACOSX/._04_residual.ipynb", "mia/.DS_Store", "._x.ipynb",
                 "mia/.ipynb_checkpoints/04_residual-checkpoint.ipynb", "mia/.git/HEAD",
                 "mia/__pycache__/a.pyc", "mia/desktop.ini", "mia/Icon\r", "mia/~$04.ipynb",
                 "mia/.~04_residual.ipynb", "@eaDir/mia/x", "mia/.venv/bin/python",
                 "mia/.vscode/settings.json"):  # fmt: skip
        assert is_rubbish(path)
    assert not is_rubbish("mia/04_residual.ipynb")


def test_two_zips_made_on_a_mac_are_two_students(collected):
    mac = {"04_residual.ipynb": notebook(), "__MACOSX/._04_residual.ipynb": b"\0\5\26\7"}
    done, into = collected({"mia.zip": zipped(mac), "ben.zip": zipped(mac)})
    assert sorted(done.students) == sorted(os.listdir(into)) == ["ben", "mia"]
    assert done.remarks == [
        "left out: 2 of the files that macOS, Windows or Jupyter add by themselves"
    ]


def test_the_later_of_two_counts_and_it_is_said(collected):
    old, new = "mia_04_residual.ipynb", "mia_04_residual (1).ipynb"
    times = {old: (2026, 1, 1, 9, 0, 0), new: (2026, 1, 1, 10, 0, 0)}
    done, into = collected({new: notebook("new"), old: notebook("old")}, times)
    assert (into / "mia" / EXERCISE / f"{EXERCISE}.ipynb").read_bytes() == notebook("new")
    assert done.remarks == [f"mia: 2 times, the last counts: {new}, not {old}"]


def test_of_canvas_the_later_upload_counts_whatever_the_zip_says(collected):
    old, new = "doejane_4321_100_04_residual.ipynb", "doejane_4321_222_04_residual-1.ipynb"
    times = {old: (2026, 1, 1, 9, 0, 2), new: (2026, 1, 1, 9, 0, 0)}
    _, into = collected({old: notebook("old"), new: notebook("new")}, times)
    assert (into / "doejane" / EXERCISE / f"{EXERCISE}.ipynb").read_bytes() == notebook("new")


def test_without_times_only_that_student_waits(collected):
    files = {"mia_04_residual.ipynb": notebook(1), "mia_04_residual-Copy1.ipynb": notebook(2),
             "ben_04_residual.ipynb": notebook(3)}  # fmt: skip
    done, into = collected(files)
    assert list(done.students) == os.listdir(into) == ["ben"]
    assert len(done.remarks) == 1
    assert done.remarks[0].startswith("mia: not collected, 2 different files and no time")


def test_the_same_file_twice_is_no_question(collected):
    done, _ = collected(
        {"mia_04_residual.ipynb": notebook(), "mia_04_residual (1).ipynb": notebook()}
    )
    assert (list(done.students), done.remarks) == (["mia"], [])


def test_nothing_is_dropped_without_a_line_of_its_own(collected):
    files = {
        "mia_04_residual.ipynb": notebook(),
        "mia_notes.txt": b"hello",
        "04_residual.ipynb": notebook(),
        "ben_05_normalization.ipynb": notebook(exercise="05_normalization"),
        "eve_work.ipynb": notebook(exercise=None),
        "broken.zip": b"PK no zip",
        "zoe/homework.ipynb": notebook(),
        "empty.ipynb": b"",
    }
    done, into = collected(files)
    assert sorted(done.students) == sorted(os.listdir(into)) == ["mia", "zoe"]
    for name in set(files) - {"mia_04_residual.ipynb"}:
        assert sum(name in remark for remark in done.remarks) == 1, name


def test_a_notebook_that_a_browser_saved_as_text_is_collected(collected):
    files = {
        "mia/04_residual.ipynb.txt": notebook(),
        "ben/04_residual.json": notebook(),
        "eve/04_residual.ipynb.txt": b"no notebook",
        "zoe/settings.json": b"{}",
    }
    done, into = collected(files)
    assert sorted(done.students) == ["ben", "mia"]
    assert (into / "mia" / EXERCISE / f"{EXERCISE}.ipynb").read_bytes() == notebook()
    for name in list(files)[2:]:
        assert sum(name in remark for remark in done.remarks) == 1, name


def test_names_in_a_zip_that_does_not_say_its_encoding_are_read_as_utf8(tmp_path):
    """macOS writes them so; Python takes them for the old encoding of DOS."""
    raw = zipped({"josX_04_residual.ipynb": notebook()})
    (tmp_path / "class.zip").write_bytes(raw.replace(b"josX", "jo\u00e9".encode()))
    done = collect(tmp_path / "class.zip", EXERCISE, tmp_path / "submitted")
    assert list(done.students) == ["jo\u00e9"]


def test_a_name_too_long_for_a_folder_holds_up_nobody(collected):
    long = "x" * 210 + "é" * 30
    done, into = collected(
        {f"{long}/04_residual.ipynb": notebook(), "mia/04_residual.ipynb": notebook()}
    )
    assert len(done.students) == 2
    assert "mia" in done.students
    assert any(long[:100] in remark for remark in done.remarks)
    assert all((into / name / EXERCISE / f"{EXERCISE}.ipynb").is_file() for name in done.students)


def test_what_is_there_already_is_kept_unless_asked(collected):
    name = "mia_04_residual.ipynb"
    collected({name: notebook("old")})
    done, into = collected({name: notebook("new")})
    place = into / "mia" / EXERCISE / f"{EXERCISE}.ipynb"
    assert place.read_bytes() == notebook("old")
    assert "was kept; --force replaces it" in done.remarks[0]
    collected({name: notebook("new")}, force=True)
    assert place.read_bytes() == notebook("new")


def test_the_roster_knows_names_numbers_and_addresses_and_says_who_is_missing(collected, tmp_path):
    roster = roster_of(
        tmp_path,
        "student,first,last,canvas,mail\n"
        "s1,Jane,Doe,4321,jd@uni.example\ns2,Zoë,de la Cruz,55,zoe@uni.example\n"
        "s3,Max,Muster,77,mm@uni.example\ns4,Ann,Lee,88,al@uni.example\n",
    )
    files = {
        CANVAS_LATE: notebook(1),
        "Zoe\u0308 de la Cruz_900_assignsubmission_file/04_residual.ipynb": notebook(2),
        "mm_04_residual.ipynb": notebook(3),
        "stranger_04_residual.ipynb": notebook(4),
    }
    done, into = collected(files, roster=roster)
    assert sorted(os.listdir(into)) == ["s1", "s2", "s3", "stranger"]
    assert done.missing == ["s4"]
    assert [r for r in done.remarks if r.startswith("stranger: not on the roster")]


@pytest.mark.parametrize("name", ["Anna Maria van der Berg", "van der Berg, Anna Maria"])
def test_names_of_many_parts_are_known_in_both_orders(tmp_path, name):
    roster = roster_of(tmp_path, f"student;name\ns1;{name}\n")
    for written in ("vanderbergannamaria", "Anna Maria van der Berg", "annamariavanderberg"):
        assert roster.student(Owner(written)) == "s1"
    assert roster.student(Owner("bergannamariavande")) is None


def test_two_of_one_name_are_told_apart_by_number(collected, tmp_path):
    files = {f"doejane_{n}_{9 * n}_04_residual.ipynb": notebook(n) for n in (4321, 8765)}
    done, into = collected(files)
    assert sorted(os.listdir(into)) == ["doejane_4321", "doejane_8765"]
    assert len(done.remarks) == 2
    roster = roster_of(tmp_path, "student;name;number\na;Doe, Jane;4321\nb;Doe, Jane;8765\n")
    shutil.rmtree(into)
    done, into = collected(files, roster=roster)
    assert sorted(os.listdir(into)) == ["a", "b"]
    assert done.remarks == []


def test_a_folder_and_its_timestamps_are_taken(tmp_path):
    place = numbers.submit(tmp_path / "back", "mia", notebook(), EXERCISE)
    (place.parent / "timestamp.txt").write_text("2026-01-02 10:00:00 UTC")
    done = collect(tmp_path / "back", EXERCISE, tmp_path / "submitted")
    assert list(done.students) == ["mia"]
    stamp = tmp_path / "submitted" / "mia" / EXERCISE / "timestamp.txt"
    assert stamp.read_text() == "2026-01-02 10:00:00 UTC\n"


def test_no_name_leads_out_of_the_class(collected, tmp_path):
    done, into = collected(
        {"../../../evil_04_residual.ipynb": notebook(), "/abs/04_residual.ipynb": notebook(2)}
    )
    assert all(path.is_relative_to(into) for path in tmp_path.rglob("*.ipynb"))
    assert len(done.students) == len(os.listdir(into)) == 2


def test_what_is_no_archive_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"no zip")
    for path, sentence in (
        (tmp_path / "x.zip", "is not a zip file"),
        (tmp_path / "y", "there is no"),
    ):
        with pytest.raises(GradingProblem, match=sentence):
            collect(path, EXERCISE, tmp_path / "submitted")
    (tmp_path / "class.csv").write_text("name\nmia\n")
    with pytest.raises(GradingProblem, match="no column `student`"):
        Roster.read(tmp_path / "class.csv")


@pytest.mark.notebook
def test_nbgraders_own_command_collects_the_same(root, tmp_path):
    """Two zips of a Mac, ids with digits and underscores, one student twice without times."""
    course = tmp_path / "course"
    shutil.copytree(root / "autograder", course / "autograder")
    shutil.copy(root / "nbgrader_config.py", course)
    (course / "exercises" / EXERCISE).mkdir(parents=True)
    (course / "exercises" / EXERCISE / f"{EXERCISE}.ipynb").write_bytes(notebook())
    archive = course / "downloaded" / EXERCISE / "archive"
    archive.mkdir(parents=True)
    mac = zipped({"04_residual.ipynb": notebook(), "__MACOSX/._04_residual.ipynb": b"\0"})
    files = {"mia.zip": mac, "ben.zip": mac, "team_07_04_residual.ipynb": notebook(7),
             "team_12_04_residual.ipynb": notebook(12), "zoe_04_residual.ipynb": notebook(1),
             "zoe_04_residual (1).ipynb": notebook(2)}  # fmt: skip
    for name, content in files.items():
        (archive / name).write_bytes(content)
    environment = {**os.environ, "PYTHONPATH": str(course)}
    done = warm.run(["-m", "nbgrader", "zip_collect", EXERCISE], course, environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert sorted(os.listdir(course / "submitted")) == ["ben", "mia", "team_07", "team_12"]
    assert "zoe: not collected, 2 different files" in done.stderr
    assert Path(
        course / "submitted/team_12" / EXERCISE / f"{EXERCISE}.ipynb"
    ).read_bytes() == notebook(12)


def test_a_member_whose_bytes_are_damaged_holds_nobody_up(collected):
    whole = notebook(1) + b" " * 5000
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("04_residual.ipynb", whole)
        place = made.infolist()[0].header_offset + 30 + len("04_residual.ipynb")
    damaged = bytearray(raw.getvalue())
    damaged[place] = 0xFF  # a kind of block that deflate does not have
    done, _ = collected({"ann.zip": bytes(damaged), "bob_04_residual.ipynb": notebook(2)})
    assert list(done.students) == ["bob"]
    assert any("ann.zip/04_residual.ipynb (it cannot be unpacked" in r for r in done.remarks)


def test_a_file_that_nobody_may_read_holds_nobody_up(tmp_path, monkeypatch):
    for name in ("ann", "bob"):
        (tmp_path / "class").mkdir(exist_ok=True)
        (tmp_path / "class" / f"{name}_04_residual.ipynb").write_bytes(notebook(name == "ann"))
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name.startswith("ann"):
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    done = collect(tmp_path / "class", EXERCISE, tmp_path / "submitted")
    assert list(done.students) == ["bob"]
    assert "left out: ann_04_residual.ipynb (it cannot be read: Permission denied)" in done.remarks


def test_files_beyond_the_most_are_named_and_not_lost_in_silence(collected, monkeypatch):
    monkeypatch.setattr("autograder.course.collect.MOST_FILES", 1)
    done, _ = collected({f"{name}_04_residual.ipynb": notebook(name == "a") for name in "ab"})
    assert list(done.students) == ["a"]
    assert "left out: all of the zip after its first 1 files" in done.remarks


def test_a_loose_file_and_one_in_a_zip_are_told_apart_by_time(tmp_path):
    place = tmp_path / "class"
    place.mkdir()
    path = place / "ann_04_residual.ipynb"
    path.write_bytes(notebook(1))
    os.utime(path, (1_717_000_000, 1_717_000_000))  # May 2024
    later = zipped({"04_residual.ipynb": notebook(2)}, {"04_residual.ipynb": (2025, 1, 1, 0, 0, 0)})
    (place / "ann.zip").write_bytes(later)
    done = collect(place, EXERCISE, tmp_path / "submitted")
    assert done.students == {"ann": "ann.zip/04_residual.ipynb"}


def test_a_file_whose_name_is_no_text_gets_its_sentence(tmp_path):
    place = tmp_path / "class"
    place.mkdir()
    try:
        with open(os.fsencode(place) + b"/ann\xff_04_residual.ipynb", "wb") as file:
            file.write(notebook(1))
    except OSError:
        pytest.skip("this file system takes no such name")
    done = collect(place, EXERCISE, tmp_path / "submitted")
    assert list(done.students) == ["ann\ufffd"]


def test_a_roster_with_a_head_alone_is_told_so(tmp_path):
    with pytest.raises(GradingProblem, match="a first line and nobody below it"):
        roster_of(tmp_path, "student,name\n")
    with pytest.raises(GradingProblem, match="no column `student`"):
        roster_of(tmp_path, "name,mail\nann,a@b\n")


def test_who_is_on_no_roster_who_was_kept_and_who_handed_in_something_else_is_said(
    tmp_path, monkeypatch, root
):
    from typer.testing import CliRunner

    from autograder.cli import app

    files = {
        "doejane_LATE_4321_998877_04_residual.ipynb": notebook(1),
        "roejohn_4322_998878_04_residual.ipynb": notebook(2),
        "poeedgar_4323_998879_homework final (1).ipynb": notebook(3, None),
        "stranger_4324_998880_04_residual.ipynb": notebook(4),
    }
    (tmp_path / "class.zip").write_bytes(zipped(files))
    roster = "id,name,number\njane,Jane Doe,4321\njohn,John Roe,4322\n"
    roster += "edgar,Edgar Poe,4323\nzoe,Zoe Z,1\n"
    (tmp_path / "class.csv").write_text(roster)
    place = tmp_path / "submitted" / "john" / EXERCISE / f"{EXERCISE}.ipynb"
    place.parent.mkdir(parents=True)
    place.write_bytes(notebook(5))
    monkeypatch.chdir(root)
    command = ["collect", str(tmp_path / "class.zip"), "--exercise", EXERCISE]
    command += ["--into", str(tmp_path / "submitted"), "--roster", str(tmp_path / "class.csv")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "jane: handed in late, as Canvas says of doejane_LATE_" in done.output
    assert (
        "edgar: handed in no 04_residual.ipynb, but poeedgar_4323_998879_homework final (1).ipynb"
        in done.output
    )
    assert "zoe: handed in nothing" in done.output
    assert done.output.rstrip().endswith("1 on no roster, 1 kept as they were")
    assert "1 of 4 students collected" in done.output
    assert place.read_bytes() == notebook(5)
