package runner

import (
	"encoding/hex"
	"fmt"
	"hash/crc32"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/suite"
	"github.com/zeroduplex/zeroduplex/conformance/internal/value"
)

// digests replaces what a suite says about data by the digest that such data has: data: {is: seed} is the pattern, data: {xor: seed} its
// complement, data: {text: words} these bytes; data: {exchange: xor} or {exchange: is} the responses of an exchange with these arguments;
// data: {stream: {count: …, least: …, …}} the frames of a stream with such arguments, from the one numbered from.
func digests(expected, got any, args suite.Map, scope value.Scope) (any, error) {
	switch e := expected.(type) {
	case []any:
		list, _ := got.([]any)
		for i := range e {
			var element any
			if i < len(list) {
				element = list[i]
			}
			replaced, err := digests(e[i], element, args, scope)
			if err != nil {
				return nil, err
			}
			e[i] = replaced
		}
		return e, nil
	case map[string]any:
		members, _ := got.(map[string]any)
		for key, v := range e {
			if key == "data" {
				continue
			}
			replaced, err := digests(v, members[key], args, scope)
			if err != nil {
				return nil, err
			}
			e[key] = replaced
		}
		data, ok := e["data"].(map[string]any)
		if !ok {
			return e, nil
		}
		delete(e, "data")
		size, sized := e["size"].(uint64)
		if !sized {
			// The size is judged by who writes it down; here only the contents matter.
			if size, sized = members["size"].(uint64); !sized && data["exchange"] == nil && data["stream"] == nil && data["text"] == nil {
				return nil, fmt.Errorf("data: %v needs a size beside it", data)
			}
		}
		_, isFrame := members["head"]
		return e, describe(e, data, size, isFrame, args, scope)
	default:
		return expected, nil
	}
}

func describe(e, data map[string]any, size uint64, isFrame bool, args suite.Map, scope value.Scope) error {
	for kind, argument := range data {
		var content []byte
		switch seed, isNumber := argument.(uint64); {
		case kind == "exchange":
			return describeExchange(e, argument == "xor", args, scope)
		case kind == "stream":
			stream, _ := argument.(map[string]any)
			return describeStream(e, stream)
		case kind == "text":
			text, _ := argument.(string)
			content = []byte(text)
			e["size"] = uint64(len(content))
		case isNumber && (kind == "is" || kind == "xor"):
			content = pattern(size, seed, kind == "xor")
		default:
			return fmt.Errorf("data: %v is not understood", data)
		}
		e["crc32"] = uint64(crc32.ChecksumIEEE(content))
		if isFrame {
			e["head"] = hex.EncodeToString(content[:min(16, len(content))])
		}
	}
	return nil
}

func describeExchange(e map[string]any, xor bool, args suite.Map, scope value.Scope) error {
	resolved, err := scope.Resolve(map[string]any(args))
	if err != nil {
		return err
	}
	a, _ := resolved.(map[string]any)
	if arguments(a).number("size_modulo") == 0 {
		return fmt.Errorf("data: {exchange: …} belongs to an %s", agentproto.OpExchange)
	}
	describeMany(e, a, xor)
	return nil
}

func describeStream(e map[string]any, a arguments) error {
	if a.number("size_modulo") == 0 {
		return fmt.Errorf("data: {stream: {…}} needs the arguments of a %s", agentproto.OpStream)
	}
	describeMany(e, a, false)
	return nil
}

// describeMany describes as many frames as the arguments of an exchange or a stream ask for.
func describeMany(e map[string]any, a arguments, xor bool) {
	var crc uint32
	var total uint64
	for k := a.number("from"); k < a.number("from")+a.number("count"); k++ {
		size := a.number("least") + (a.number("first_size")+k*a.number("size_step"))%a.number("size_modulo")
		content := pattern(size, a.number("seed")+k, xor)
		crc = crc32.Update(crc, crc32.IEEETable, content)
		total += size
	}
	e["crc32"], e["bytes"], e["count"] = uint64(crc), total, a.number("count")
}

func pattern(size, seed uint64, xor bool) []byte {
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(seed + uint64(i))
		if xor {
			content[i] = ^content[i]
		}
	}
	return content
}
