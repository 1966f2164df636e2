// Package stress is a server and a client that check every byte they exchange. They are hidden subcommands of zeroduplex;
// every language has the same pair, and the interoperability tests run each client against each server.
//
// Byte i of frame n is (n + i) mod 256 as a request and that XOR 0xFF as a response. Bits of the opcode ask for more.
package stress

const (
	delayMask   = 0xFFFF  // microseconds that the handler sleeps before it answers
	opcodeGrow  = 1 << 16 // resize the response to the frame's capacity
	opcodeFail  = 1 << 17 // fail with status statusAsked
	statusAsked = 7
	statusWrong = 8 // the request's bytes were not what they should be

	answerMask = 0xFF
)

// fill writes the pattern of a frame, from byte first on.
func fill(data []byte, sequence uint64, first int, mask byte) {
	for i := first; i < len(data); i++ {
		data[i] = byte(sequence+uint64(i)) ^ mask
	}
}

// mismatch returns the index of the first byte that does not follow the pattern, -1 when all do.
func mismatch(data []byte, sequence uint64, mask byte) int {
	for i, b := range data {
		if b != byte(sequence+uint64(i))^mask {
			return i
		}
	}
	return -1
}
