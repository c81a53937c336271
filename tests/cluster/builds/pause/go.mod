module mlops-steps/cluster/pause

go 1.25.0
