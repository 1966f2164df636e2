//go:build linux

package zeroduplex

import "github.com/zeroduplex/zeroduplex/go/internal/child"

var roles = map[string]child.Role{}
