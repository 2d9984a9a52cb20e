module countersign/pause

go 1.24
