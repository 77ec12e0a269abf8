from bec_magics.data.tables import Table, shown


def test_numbers_stand_to_the_right_and_have_six_digits():
    table = Table(["motor", "position"], [("samx", 1.23456789), ("y", 10.0)])
    assert repr(table).splitlines() == [
        "motor  position",
        "samx    1.23457",
        "y            10",
    ]


def test_html_is_escaped():
    assert "&lt;b&gt;" in Table(["a"], [("<b>",)])._repr_html_()


def test_nothing_is_shown_for_nothing():
    assert shown(None) == ""
