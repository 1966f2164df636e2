package birth

// Before says whether t is known to be the earlier one. Files made within a tick of the kernel's clock may have the same time.
func (t Time) Before(other Time) bool {
	unknown := Time{}
	if t == unknown || other == unknown {
		return false
	}
	return t.seconds < other.seconds || t.seconds == other.seconds && t.nanoseconds < other.nanoseconds
}
