"""Twenty row groups of a hundred rows, in order, and where the pages of the eighth lie.

    python make_groups.py        writes groups.parquet and groups.json beside itself
"""

import datetime
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
first = datetime.datetime(2013, 1, 1, tzinfo=datetime.timezone.utc)
table = pa.table(
    {
        "n": pa.array(range(2000), pa.int64()),
        "word": [f"w{row // 100}" for row in range(2000)],
        # A hundred rows a day.
        "at": pa.array([first + datetime.timedelta(minutes=14 * (row % 100), days=row // 100) for row in range(2000)], pa.timestamp("us", "UTC")),
        "other": [row % 7 * 0.5 for row in range(2000)],
    }
)
pq.write_table(table, HERE / "groups.parquet", row_group_size=100)
group = pq.ParquetFile(HERE / "groups.parquet").metadata.row_group(7)
starts = [min(c.dictionary_page_offset or c.data_page_offset, c.data_page_offset) for c in map(group.column, range(4))]
ends = [start + group.column(i).total_compressed_size for i, start in enumerate(starts)]
(HERE / "groups.json").write_text(json.dumps({"start": min(starts), "end": max(ends)}) + "\n")
