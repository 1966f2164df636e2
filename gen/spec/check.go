package spec

func check(s *Spec, d *decoder) {}
