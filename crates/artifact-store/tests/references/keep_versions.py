"""Turns versioning of a bucket on: python keep_versions.py ENDPOINT BUCKET, keys in the environment."""

import sys

import botocore.session

client = botocore.session.get_session().create_client("s3", endpoint_url=sys.argv[1], region_name="us-east-1")
client.put_bucket_versioning(Bucket=sys.argv[2], VersioningConfiguration={"Status": "Enabled"})
