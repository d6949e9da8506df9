from datetime import timedelta

from models.plugin_run import poll_pause


def test_a_lender_is_asked_ever_more_seldom_and_then_no_more() -> None:
    pauses = [poll_pause(polls) for polls in range(61)]

    assert pauses[:3] == [timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120)]
    assert pauses[8:60] == [timedelta(hours=1)] * 52
    assert pauses[60] is None
