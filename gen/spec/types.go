package spec

import "math/big"

// Scalar is one of the number types of the wire.
type Scalar struct {
	Name   string
	Width  uint64
	Signed bool
}

// Scalars lists the number types by name.
var Scalars = map[string]Scalar{
	"u8":  {"u8", 1, false},
	"u16": {"u16", 2, false},
	"u32": {"u32", 4, false},
	"u64": {"u64", 8, false},
	"i8":  {"i8", 1, true},
	"i16": {"i16", 2, true},
	"i32": {"i32", 4, true},
	"i64": {"i64", 8, true},
}

// Holds tells whether the type can represent the value.
func (s Scalar) Holds(value *big.Int) bool {
	bits := uint(s.Width) * 8
	lowest, beyond := new(big.Int), new(big.Int)
	if s.Signed {
		beyond.Lsh(big.NewInt(1), bits-1)
		lowest.Neg(beyond)
	} else {
		beyond.Lsh(big.NewInt(1), bits)
	}
	return value.Cmp(lowest) >= 0 && value.Cmp(beyond) < 0
}

// memoryOrders are the orders of C++ and of the protocol text; plain is no atomic access at all.
var memoryOrders = map[string]bool{
	"plain": true, "relaxed": true, "acquire": true, "release": true, "acq_rel": true, "seq_cst": true,
}

// either stands for both roles of a protocol.
const either = "either"
