module countersign.example/bench/measure

go 1.21
