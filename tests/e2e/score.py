"""Scores of a team's own: a flight that leaves late arrives late. One row a flight of the test month, into S3.

python score.py LAKE DEST       both s3://..., AWS_* from the environment
"""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

lake, dest = sys.argv[1:]
flights = pq.read_table(f"{lake}/flights/2013-04.parquet", columns=["flight_id", "origin", "late", "dep_delay"])
score = 1 / (1 + np.exp(-(flights["dep_delay"].to_numpy() - 15) / 10))
pq.write_table(flights.drop(["dep_delay"]).append_column("score", pa.array(score)), dest)
