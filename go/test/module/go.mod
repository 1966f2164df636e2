module example.org/consumer

go 1.24.0

require (
	github.com/stretchr/testify v1.11.1
	github.com/zeroduplex/zeroduplex v0.0.0
)

require (
	github.com/davecgh/go-spew v1.1.1 // indirect
	github.com/pmezard/go-difflib v1.0.0 // indirect
	golang.org/x/sys v0.38.0 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)

replace github.com/zeroduplex/zeroduplex => ../../..
