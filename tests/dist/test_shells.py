"""Completion in the real shells, and the manual page in the real man."""
import re
import subprocess

import pytest

from harness import BINARY, environment


def output(*command, text=None):
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=environment(), timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def verbs():
    """As `docq help` lists them."""
    listed = output(BINARY, "help").split("verbs:")[1].split("\n\n")[0]
    return re.findall(r"^  (\w+) ", listed, re.M)


def complete_bash(words):
    script = output(BINARY, "completion", "bash")
    given = " ".join(f"'{word}'" for word in words)
    return output("bash", "-c", f"{script}\nCOMP_WORDS=({given}); COMP_CWORD={len(words) - 1}; "
                                "_docq; printf '%s\\n' \"${COMPREPLY[@]}\"").split("\n")


def complete_zsh(words):
    """The rows that our function hands to zsh, which does the rest itself."""
    script = output(BINARY, "completion", "zsh")
    given = " ".join(f"'{word}'" for word in words)
    rows = output("zsh", "-f", "-c", "compdef() { : }\n_files() { print files }\n"
                  "_describe() { print -l -- \"${(@P)@[-1]}\" }\n"
                  f"{script}\nwords=({given}); CURRENT={len(words)}; _docq")
    return [row.split(":")[0] for row in rows.split("\n")
            if row.startswith(words[-1]) or row == "files"]


def complete_fish(words):
    script = output(BINARY, "completion", "fish")
    rows = output("fish", "--no-config", "-c", f"{script}\ncomplete -C '{' '.join(words)}'")
    return [row.split("\t")[0] for row in rows.split("\n")]


@pytest.mark.parametrize("complete", [complete_bash, complete_zsh, complete_fish])
def test_completion(complete):
    found = complete(["docq", ""])
    assert set(verbs()) <= set(found)
    assert "upload" in complete(["docq", "upl"]) and "serve" not in complete(["docq", "upl"])
    options = complete(["docq", "upload", "--"])
    assert {"--wait", "--metadata", "--data", "--json", "--upload-bytes-max"} <= set(options)
    assert "--older" not in options and "--listen" not in options
    assert {"--older", "--with-documents"} <= set(complete(["docq", "purge", "--"]))


def test_bash_is_the_default_and_others_are_refused():
    assert output(BINARY, "completion") == output(BINARY, "completion", "bash")
    done = subprocess.run([BINARY, "completion", "csh"], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and "bash, zsh or fish" in done.stderr


def test_manual_page(tmp_path):
    """Without a warning of groff, and with every verb, option and setting."""
    page = tmp_path / "docq.1"
    page.write_text(output(BINARY, "help", "--man"))
    assert output("groff", "-man", "-Tutf8", "-ww", "-z", str(page)) == ""
    shown = output("sh", "-c", f"MANWIDTH=200 man -l {page} | col -b")
    for verb in verbs():
        assert re.search(rf"^   docq {verb}$", shown, re.M), verb
    listed = output(BINARY, "config", "--sample", "--data", str(tmp_path / "none"))
    settings = re.findall(r"^#? ?([a-z-]+) =", listed, re.M)
    assert len(settings) > 30
    for setting in settings:
        assert f"--{setting} " in shown, setting
    assert "--with-documents" in shown and "69 server unreachable" in shown
