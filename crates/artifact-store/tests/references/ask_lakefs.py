"""Asks a server as lakeFS's own SDK does, and prints what the SDK understood: python ask_lakefs.py ENDPOINT KEY SECRET.

The answers of the server that the tests start are thereby held against the models of the SDK, and its addresses against
those that the SDK asks.
"""

import json
import sys

import lakefs_sdk

endpoint, key, secret = sys.argv[1:]
config = lakefs_sdk.Configuration(host=f"{endpoint}/api/v1", username=key, password=secret)
client = lakefs_sdk.ApiClient(config)
refs, objects = lakefs_sdk.RefsApi(client), lakefs_sdk.ObjectsApi(client)

commit = refs.log_commits("lake", "main", amount=1, limit=True).results[0].id
found, after = [], ""
while True:
    page = objects.list_objects("lake", commit, prefix="trips/", after=after, amount=1000)
    found += [[stats.path, stats.path_type, stats.size_bytes, stats.checksum, stats.mtime] for stats in page.results]
    if not page.pagination.has_more:
        break
    after = page.pagination.next_offset
path = "trips/dt=2013-01-01/a b.csv"
stats = objects.stat_object("lake", commit, path)
whole = bytes(objects.get_object("lake", commit, path)).decode()
part = bytes(objects.get_object("lake", commit, path, range="bytes=3-7")).decode()
print(json.dumps({"commit": commit, "found": found, "stat": [stats.path, stats.size_bytes], "whole": whole, "part": part}))
