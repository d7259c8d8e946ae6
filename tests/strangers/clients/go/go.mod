module example.org/purchases

go 1.19

require github.com/go-resty/resty/v2 v2.11.0

require golang.org/x/net v0.17.0 // indirect
