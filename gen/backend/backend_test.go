package backend

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/zeroduplex/zeroduplex/gen/ir"
)

func TestWrap(t *testing.T) {
	assert.Equal(t, []string{"one two", "three", "morethanten", "four"}, Wrap("one  two three\nmorethanten four", 8))
	assert.Empty(t, Wrap("  ", 8))
}

func TestNumber(t *testing.T) {
	octal := ir.Integer{Decimal: "8", Base: 8, Digits: "10"}
	assert.Equal(t, "0o10", Number(octal, "0o"))
	assert.Equal(t, "010", Number(octal, "0"))
	assert.Equal(t, "8", Number(octal, ""))
	assert.Equal(t, "-0x1F", Number(ir.Integer{Decimal: "-31", Base: 16, Digits: "1F", Negative: true}, "0o"))
	assert.Equal(t, "-31", Number(ir.Integer{Decimal: "-31", Base: 10, Digits: "31", Negative: true}, "0o"))
}

func TestQuote(t *testing.T) {
	assert.Equal(t, `"a\"b\\c\u000ad"`, Quote("a\"b\\c\nd"))
}

func TestFieldDoc(t *testing.T) {
	f := ir.Field{Doc: "Size.", Unit: "bytes", Writers: []ir.Writer{{Role: "client", Region: "head"}, {Role: "server"}},
		Store: "release", Load: "acquire", Atomic: true}
	assert.Equal(t, "Size. Unit: bytes. Written by client in head, server; stored release, loaded acquire.", FieldDoc(f))
	f.Atomic = false
	assert.Equal(t, "Size. Unit: bytes. Written by client in head, server; plain.", FieldDoc(f))
	f.PublishedBy = "block.state"
	assert.Contains(t, FieldDoc(f), "; plain, published by block.state.")
	f.Word = "identity"
	assert.Contains(t, FieldDoc(f), "; accessed as part of the word identity.")
}
