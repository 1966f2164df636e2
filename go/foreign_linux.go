package zeroduplex

import "os"

// foreign reports whether an object of this owner belongs to another user.
func foreign(owner uint32) bool { return owner != uint32(os.Geteuid()) }
