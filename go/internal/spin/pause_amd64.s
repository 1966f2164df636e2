#include "textflag.h"

// func Pause()
TEXT ·Pause(SB), NOSPLIT, $0-0
	PAUSE
	RET

// func Delay(n uint32)
TEXT ·Delay(SB), NOSPLIT, $0-4
	MOVL n+0(FP), CX
	JMP  test
next:
	IMULQ AX, AX // three cycles each, which wait for each other
	IMULQ AX, AX
	IMULQ AX, AX
	DECL CX
test:
	TESTL CX, CX
	JNZ  next
	RET

// func FetchAllForWriting(first, second, third unsafe.Pointer)
TEXT ·FetchAllForWriting(SB), NOSPLIT, $0-24
	MOVQ first+0(FP), AX
	MOVQ second+8(FP), CX
	MOVQ third+16(FP), DX
	BYTE $0x0F; BYTE $0x0D; BYTE $0x08 // PREFETCHW (AX), which the assembler does not know
	BYTE $0x0F; BYTE $0x0D; BYTE $0x09 // PREFETCHW (CX)
	BYTE $0x0F; BYTE $0x0D; BYTE $0x0A // PREFETCHW (DX)
	RET
