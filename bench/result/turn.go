package result

// At returns a system's block of a turn, nil where there is none. It belongs to
// the row: who changes its metrics changes the row's.
func (r *Row) At(system string, turn int) *Block {
	s := r.Of(system)
	if s == nil {
		return nil
	}
	for i := range s.Blocks {
		if s.Blocks[i].Turn == turn {
			return &s.Blocks[i]
		}
	}
	return nil
}
