"""What this beamline wants to know of a scan: entry point group ``bec.metadata``."""

from pydantic import BaseModel, Field


class SampleMetadata(BaseModel):
    """Names that are used here, and what they look like; all others are free.

    A field without a default would have to be there for every scan.
    """

    proposal: str | None = Field(
        None, pattern=r"^p\d{5}$", description="number of the proposal"
    )
    sample: str | None = Field(
        None, min_length=1, max_length=60, description="what is measured"
    )
    temperature: float | None = Field(
        None, gt=0, description="of the sample", json_schema_extra={"unit": "K"}
    )
