package outbox

// SourceOf returns the URN of the device whose records the outbox at path has
// taken, "" when it never took any. It may be asked while the outbox is open.
func SourceOf(path string) (string, error) {
	m, err := readMark(path)
	return m.Source, err
}
