//go:build !race

#include "textflag.h"

// func Store64(p *atomic.Uint64, v uint64)
TEXT ·Store64(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ v+8(FP), CX
	MOVQ CX, (AX) // amd64 never reorders stores with earlier loads or stores
	RET

// func Store32(p *atomic.Uint32, v uint32)
TEXT ·Store32(SB), NOSPLIT, $0-12
	MOVQ p+0(FP), AX
	MOVL v+8(FP), CX
	MOVL CX, (AX)
	RET

// func StoreInt32(p *atomic.Int32, v int32)
TEXT ·StoreInt32(SB), NOSPLIT, $0-12
	JMP ·Store32(SB)

// func Fence()
TEXT ·Fence(SB), NOSPLIT, $0-0
	LOCK
	ADDL $0, 0(SP) // a locked instruction is a full fence, and cheaper than MFENCE
	RET
