"""The kernel `bec` as a front end sees it: over its own protocol."""

import time
from queue import Empty

import pytest
from jupyter_client.manager import start_new_kernel

pytestmark = [pytest.mark.timeout(120), pytest.mark.keeps_threads]

SLOW = "%scan line_scan samx -5 5 --steps 500 --exp-time 0.05"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernel")
    manager, client = start_new_kernel(kernel_name="bec", cwd=str(folder))
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel()


def run(client, code):
    """Run one cell; return its reply and its outputs."""
    outputs = []
    reply = client.execute_interactive(code, timeout=60, output_hook=outputs.append)
    return reply["content"], [(o["msg_type"], o["content"]) for o in outputs]


def shown(outputs):
    return "".join(
        content.get("text", "") + str(content.get("data", {}).get("text/plain", ""))
        for _, content in outputs
    )


@pytest.fixture(scope="module")
def instance(kernel):
    _, client = kernel
    reply, outputs = run(client, "%instance --private")
    assert reply["status"] == "ok", outputs
    return kernel


def interrupt_at_a_point(client, manager):
    """Interrupt the cell as soon as its card got a point."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            message = client.get_iopub_msg(timeout=1)
        except Empty:
            continue
        data = message["content"].get("data", {})
        if data.get("content", {}).get("rows") if isinstance(data, dict) else None:
            manager.interrupt_kernel()
            return time.monotonic()
    raise AssertionError("no point came")


def test_an_interrupt_aborts_the_scan_in_one_line_and_the_next_cell_works(instance):
    manager, client = instance
    run(client, "%mv samx 0")
    message = client.execute(SLOW)
    interrupted = interrupt_at_a_point(client, manager)
    reply = client.get_shell_msg(timeout=30)
    while reply["parent_header"].get("msg_id") != message:
        reply = client.get_shell_msg(timeout=30)
    took = time.monotonic() - interrupted
    assert reply["content"]["ename"] == "ScanAborted"
    assert "interrupted" in reply["content"]["evalue"]
    assert len(reply["content"]["traceback"]) == 1
    assert took < 10
    _, outputs = run(client, "print(history[-1].status, dev.samx.is_moving)")
    assert shown(outputs).split() == ["aborted", "False"]
    reply, _ = run(client, "%ct 0.01")
    assert reply["status"] == "ok"


def test_a_scan_knows_where_it_was_typed(instance):
    _, client = instance
    run(client, "%scan acquire --exp-time 0.01")
    _, outputs = run(client, "print(history[-1].request.origin)")
    text = shown(outputs)
    assert "%scan acquire --exp-time 0.01" in text
    assert "program='notebook'" in text


def test_a_cell_that_scans_has_a_view_without_text_and_one_result(instance):
    _, client = instance
    _, outputs = run(client, "%scan line_scan samx -1 1 --steps 5")
    kinds = [kind for kind, _ in outputs if kind in ("display_data", "execute_result")]
    assert kinds == ["display_data", "execute_result"], shown(outputs)
    assert not [k for k, _ in outputs if k in ("update_display_data", "clear_output")]
    view, result = (content["data"] for kind, content in outputs if kind in kinds)
    assert list(view) == ["application/vnd.jupyter.widget-view+json"]
    assert "closed, 5 points" in result["text/plain"]
    assert result["image/svg+xml"].startswith("<svg")


def test_a_scan_is_aborted_even_where_the_cell_does_not_see_the_interrupt(instance):
    manager, client = instance
    deaf = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
    message = client.execute(f"{deaf}\n{SLOW}")
    interrupt_at_a_point(client, manager)
    reply = client.get_shell_msg(timeout=30)
    while reply["parent_header"].get("msg_id") != message:
        reply = client.get_shell_msg(timeout=30)
    assert reply["content"]["status"] == "error"
    assert reply["content"]["ename"] == "ScanAborted"
