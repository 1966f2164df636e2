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
// complement; data: {exchange: xor} or {exchange: is} the responses of an exchange with these arguments.
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
			if size, sized = members["size"].(uint64); !sized && data["exchange"] == nil {
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
		if kind == "exchange" {
			return describeExchange(e, argument == "xor", args, scope)
		}
		seed, ok := argument.(uint64)
		if !ok || kind != "is" && kind != "xor" {
			return fmt.Errorf("data: %v is not understood", data)
		}
		content := pattern(size, seed, kind == "xor")
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
	number := func(name string) uint64 { n, _ := a[name].(uint64); return n }
	if number("size_modulo") == 0 {
		return fmt.Errorf("data: {exchange: …} belongs to an %s", agentproto.OpExchange)
	}
	var crc uint32
	var total uint64
	for k := range number("count") {
		content := pattern((number("first_size")+k*number("size_step"))%number("size_modulo"), number("seed")+k, xor)
		crc = crc32.Update(crc, crc32.IEEETable, content)
		total += uint64(len(content))
	}
	e["crc32"], e["bytes"], e["count"] = uint64(crc), total, number("count")
	return nil
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
