"""What is no metadata at all is refused as metadata, whatever it is."""

import numpy as np
import pytest

from bec_kernel.errors import RefusedError
from bec_kernel.language.metadata import check_field, check_metadata
from bec_kernel.wire import MetadataField, MetadataSchema

LONG = MetadataField(name="one", kind="number_list", high=1.0)
CHOSEN = MetadataField(name="one", kind="any", choices=["a", 1])


@pytest.mark.parametrize(
    ("field", "value"),
    [(LONG, [10**400]), (CHOSEN, np.array([1, 2])), (CHOSEN, ["a"]), (CHOSEN, None)],
)
def test_an_odd_value_is_refused(field, value):
    with pytest.raises(RefusedError, match="metadata one: must be"):
        check_field(field, value)


def test_a_name_that_is_no_text_is_refused():
    site = MetadataSchema(fields=[CHOSEN], closed=True)
    with pytest.raises(RefusedError, match="metadata 3: this site has no such name"):
        check_metadata([site], {3: "a"})
