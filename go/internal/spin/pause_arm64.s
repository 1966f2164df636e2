#include "textflag.h"

// func Pause()
TEXT ·Pause(SB), NOSPLIT, $0-0
	YIELD
	RET

// func Delay(n uint32)
TEXT ·Delay(SB), NOSPLIT, $0-4
	MOVWU n+0(FP), R0
	B     test
next:
	MUL  R1, R1, R1 // three cycles or so each, which wait for each other
	MUL  R1, R1, R1
	MUL  R1, R1, R1
	SUBW $1, R0
test:
	CBNZW R0, next
	RET

// func FetchAllForWriting(first, second, third unsafe.Pointer)
TEXT ·FetchAllForWriting(SB), NOSPLIT, $0-24
	MOVD first+0(FP), R0
	MOVD second+8(FP), R1
	MOVD third+16(FP), R2
	PRFM (R0), PSTL1KEEP
	PRFM (R1), PSTL1KEEP
	PRFM (R2), PSTL1KEEP
	RET
