package shm

// PageWish is what is wanted of the pages of a mapping. Nothing of it changes what the object holds.
type PageWish struct {
	Prefault  bool // every page is present and writable before the first use
	HugePages bool // the kernel is asked for huge pages
}

// PageReport is what became of a PageWish.
type PageReport struct {
	Prefaulted    bool   // every page is present and writable
	HugePageBytes uint64 // bytes that the kernel maps by huge pages
	Reason        string // why a wish was not fulfilled, empty when all were
}
