//go:build !race

#include "textflag.h"

// func Store64(p *atomic.Uint64, v uint64)
TEXT ·Store64(SB), NOSPLIT, $0-16
	MOVD p+0(FP), R0
	MOVD v+8(FP), R1
	STLR R1, (R0)
	RET

// func Store32(p *atomic.Uint32, v uint32)
TEXT ·Store32(SB), NOSPLIT, $0-12
	MOVD p+0(FP), R0
	MOVW v+8(FP), R1
	STLRW R1, (R0)
	RET

// func StoreInt32(p *atomic.Int32, v int32)
TEXT ·StoreInt32(SB), NOSPLIT, $0-12
	JMP ·Store32(SB)

// func Fence()
TEXT ·Fence(SB), NOSPLIT, $0-0
	DMB $0xB // inner shareable, all accesses
	RET
