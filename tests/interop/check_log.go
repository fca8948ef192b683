// Check_log checks a running log and certificates with golang.org/x/mod/sumdb, and with no code of this project.
//
// Usage: check_log -log URL -vkey KEY [-witness KEY] [-checkpoints FOLDER] [CERTIFICATE...]
//
// It opens the checkpoint, reads the tiles, and checks that every leaf is included, that every two checkpoints in the
// folder are consistent, and that each proof of each certificate holds. It prints what it checked. At the first thing
// that is wrong it says so on standard error, and exits with 1.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height   = 8 // of a tile: it has 256 hashes
	mostRead = 64 << 20
	mostSeen = 16 // signatures of a note that are shown
)

// checkpoint is what the log has signed about itself.
type checkpoint struct {
	origin string
	tree   tlog.Tree
	signed []string // the names of the keys whose signatures are valid
}

// published is a log at a URL, with the key that it must be signed by.
type published struct {
	url       string
	keys      note.Verifiers
	origin    string
	witnesses map[string]bool
	files     map[string][]byte // tiles that were read, by path
}

func main() {
	url := flag.String("log", "", "the URL below which checkpoint and tile lie")
	vkey := flag.String("vkey", "", "the log's verifier key")
	witness := flag.String("witness", "", "the verifier key of a witness that must have signed the checkpoint too")
	folder := flag.String("checkpoints", "", "a folder with checkpoints that the log has published before")
	flag.Parse()
	if err := run(*url, *vkey, *witness, *folder, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "WRONG:", err)
		os.Exit(1)
	}
}

func run(url, vkey, witness, folder string, certificates []string) error {
	log, err := newLog(url, vkey, witness)
	if err != nil {
		return err
	}
	text, err := log.get("checkpoint")
	if err != nil {
		return err
	}
	newest, err := log.open(text)
	if err != nil {
		return err
	}
	for name := range log.witnesses {
		if !contains(newest.signed, name) {
			return fmt.Errorf("the checkpoint has no valid signature of the witness %s", name)
		}
	}
	fmt.Printf("checkpoint: %s has %d leaves, root %s, signed by %s\n",
		newest.origin, newest.tree.N, newest.tree.Hash, strings.Join(newest.signed, " and "))
	hashes := tlog.TileHashReader(newest.tree, log)
	leaves, err := log.leaves(newest.tree, hashes)
	if err != nil {
		return err
	}
	fmt.Printf("leaves: each of %d is in its bundle, and is included\n", len(leaves))
	if folder != "" {
		if err := log.consistent(folder, newest, hashes); err != nil {
			return err
		}
	}
	for _, file := range certificates {
		if err := log.certificate(file, newest, hashes, leaves); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
	}
	return nil
}

func newLog(url, vkey, witness string) (*published, error) {
	key, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	verifiers, witnesses := []note.Verifier{key}, map[string]bool{}
	if witness != "" {
		cosigner, err := newCosigner(witness)
		if err != nil {
			return nil, err
		}
		verifiers, witnesses[cosigner.name] = append(verifiers, cosigner), true
	}
	return &published{
		url: url, keys: note.VerifierList(verifiers...), origin: key.Name(), witnesses: witnesses,
		files: map[string][]byte{},
	}, nil
}

// get reads a file of the log.
func (log *published) get(path string) ([]byte, error) {
	client := http.Client{Timeout: 60 * time.Second}
	response, err := client.Get(strings.TrimSuffix(log.url, "/") + "/" + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", path, response.StatusCode)
	}
	return io.ReadAll(io.LimitReader(response.Body, mostRead))
}

// open checks the signatures of a checkpoint, and returns what it says.
func (log *published) open(text []byte) (checkpoint, error) {
	opened, err := note.Open(text, log.keys)
	if err != nil {
		return checkpoint{}, fmt.Errorf("the checkpoint: %w", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != log.origin {
		return checkpoint{}, fmt.Errorf("the checkpoint is not one of %s", log.origin)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] || size < 0 {
		return checkpoint{}, errors.New("the checkpoint has no size")
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return checkpoint{}, errors.New("the checkpoint has no root")
	}
	found := checkpoint{origin: lines[0], tree: tlog.Tree{N: size, Hash: root}}
	for _, signature := range opened.Sigs {
		found.signed = append(found.signed, signature.Name)
	}
	if !contains(found.signed, log.origin) {
		return checkpoint{}, errors.New("the checkpoint is not signed by the log")
	}
	if len(found.signed) > mostSeen {
		return checkpoint{}, errors.New("the checkpoint has too many signatures")
	}
	return found, nil
}

// Height, ReadTiles and SaveTiles make the log a tlog.TileReader.
func (log *published) Height() int { return height }

func (log *published) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(tiles))
	for i, tile := range tiles {
		// Go's paths have the height of a tile, those of the specification do not.
		path := "tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
		data, known := log.files[path]
		if !known {
			var err error
			if data, err = log.get(path); err != nil {
				return nil, err
			}
			if len(data) != tile.W*tlog.HashSize {
				return nil, fmt.Errorf("%s has %d bytes instead of %d", path, len(data), tile.W*tlog.HashSize)
			}
			log.files[path] = data
		}
		found[i] = data
	}
	return found, nil
}

func (log *published) SaveTiles([]tlog.Tile, [][]byte) {}

// leaves reads all bundles, and checks that the tree of this size includes each leaf at its place.
func (log *published) leaves(tree tlog.Tree, hashes tlog.HashReader) ([][]byte, error) {
	var leaves [][]byte
	for first := int64(0); first < tree.N; first += 1 << height {
		width := tree.N - first
		if width > 1<<height {
			width = 1 << height
		}
		tile := tlog.Tile{H: height, L: 0, N: first >> height, W: int(width)}
		path := "tile/entries/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/0/", height))
		bundle, err := log.get(path)
		if err != nil {
			return nil, err
		}
		entries, err := split(bundle)
		if err != nil || int64(len(entries)) != width {
			return nil, fmt.Errorf("%s does not have %d entries", path, width)
		}
		leaves = append(leaves, entries...)
	}
	for index, leaf := range leaves {
		if err := included(tree, hashes, int64(index), leaf); err != nil {
			return nil, fmt.Errorf("leaf %d: %w", index, err)
		}
	}
	return leaves, nil
}

// split returns the entries of a bundle. Each has its length before it, in two bytes.
func split(bundle []byte) ([][]byte, error) {
	var entries [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			return nil, errors.New("an entry is cut")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		entries, bundle = append(entries, bundle[2:end]), bundle[end:]
	}
	return entries, nil
}

// included checks that the tree has this leaf at this place, and that its tile has the hash of the leaf.
func included(tree tlog.Tree, hashes tlog.HashReader, index int64, leaf []byte) error {
	hash := tlog.RecordHash(leaf)
	stored, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return err
	}
	if stored[0] != hash {
		return errors.New("its tile has another hash")
	}
	proof, err := tlog.ProveRecord(tree.N, index, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, hash)
}

// consistent checks that every two checkpoints are consistent, and that the tiles of each size give its root.
func (log *published) consistent(folder string, newest checkpoint, hashes tlog.HashReader) error {
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return err
	}
	known := []checkpoint{newest}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		old, err := log.open(text)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		if old.tree.N > newest.tree.N {
			return fmt.Errorf("%s has %d leaves, the log only %d", filepath.Base(file), old.tree.N, newest.tree.N)
		}
		known = append(known, old)
	}
	// From the largest to the smallest, so that what is said to be wrong names the pair nearest to it.
	sort.SliceStable(known, func(i, j int) bool { return known[i].tree.N < known[j].tree.N })
	pairs := 0
	for j := len(known) - 1; j >= 0; j-- {
		newer := known[j]
		for i := j - 1; i >= 0; i-- {
			older := known[i]
			if err := extends(older.tree, newer.tree, hashes); err != nil {
				return fmt.Errorf("the checkpoints of %d and %d leaves: %w", older.tree.N, newer.tree.N, err)
			}
			pairs++
		}
		root, err := tlog.TreeHash(newer.tree.N, tlog.TileHashReader(newer.tree, log))
		if err != nil || root != newer.tree.Hash {
			return fmt.Errorf("the tiles of %d leaves do not give the root of that checkpoint: %v", newer.tree.N, err)
		}
	}
	fmt.Printf("checkpoints: %d, each two of them are consistent (%d pairs)\n", len(known), pairs)
	return nil
}

func extends(older, newer tlog.Tree, hashes tlog.HashReader) error {
	if older.N == newer.N {
		if older.Hash != newer.Hash {
			return errors.New("they have the same size and different roots")
		}
		return nil
	}
	if older.N == 0 {
		if older.Hash != tlog.Hash(sha256.Sum256(nil)) {
			return errors.New("the empty tree has another root")
		}
		return nil
	}
	proof, err := tlog.ProveTree(newer.N, older.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, newer.N, newer.Hash, older.N, older.Hash)
}

// certificate checks each proof of a certificate, offline, and then that the log has the same leaf at that place.
func (log *published) certificate(file string, newest checkpoint, hashes tlog.HashReader, leaves [][]byte) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	type proof struct {
		Leaf      string `json:"leaf"`
		TlogProof string `json:"tlog_proof"`
	}
	var shown struct {
		Certificate string  `json:"certificate"`
		Proofs      []proof `json:"proofs"`
		Count       *proof  `json:"count"`
	}
	if err := json.Unmarshal(text, &shown); err != nil {
		return err
	}
	if len(shown.Proofs) == 0 || shown.Count == nil {
		return errors.New("the certificate has no proofs")
	}
	var at checkpoint
	for i, one := range append(shown.Proofs, *shown.Count) {
		index, found, err := log.prove(one.TlogProof, []byte(one.Leaf))
		if err != nil {
			return fmt.Errorf("proof %d: %w", i, err)
		}
		if err := extends(found.tree, newest.tree, hashes); err != nil {
			return fmt.Errorf("the checkpoint of proof %d and that of the log: %w", i, err)
		}
		if !bytes.Equal(leaves[index], []byte(one.Leaf)) {
			return fmt.Errorf("leaf %d of the log is another one than that of proof %d", index, i)
		}
		at = found
	}
	fmt.Printf("certificate %s: %d proofs and the count hold in the tree of %d leaves, signed by %s\n",
		shown.Certificate, len(shown.Proofs), at.tree.N, strings.Join(at.signed, " and "))
	return nil
}

// prove checks a proof as c2sp.org/tlog-proof specifies it, and returns the index of the leaf and the checkpoint.
func (log *published) prove(text string, leaf []byte) (int64, checkpoint, error) {
	head, signed, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" {
		return 0, checkpoint{}, errors.New("it is not a proof of c2sp.org/tlog-proof@v1")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return 0, checkpoint{}, errors.New("it has no index")
	}
	digits := strings.TrimPrefix(lines[0], "index ")
	index, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || strconv.FormatInt(index, 10) != digits || index < 0 {
		return 0, checkpoint{}, errors.New("its index is not a number")
	}
	var path tlog.RecordProof
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return 0, checkpoint{}, errors.New("a line of it is not a hash")
		}
		path = append(path, hash)
	}
	at, err := log.open([]byte(signed))
	if err != nil {
		return 0, checkpoint{}, err
	}
	if index >= at.tree.N {
		return 0, checkpoint{}, errors.New("its index is not in the tree")
	}
	return index, at, tlog.CheckRecord(path, at.tree.N, at.tree.Hash, index, tlog.RecordHash(leaf))
}

// cosigner verifies the signatures of a witness: cosignature/v1 of c2sp.org/tlog-cosignature.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newCosigner(vkey string) (*cosigner, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("the witness has no verifier key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, errors.New("the key of the witness is not one for cosignature/v1")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	hash := binary.BigEndian.Uint32(sum[:])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		return nil, errors.New("the key of the witness has another id")
	}
	return &cosigner{name: parts[0], hash: hash, key: key[1:]}, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

func (c *cosigner) Verify(message, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(signature))
	return ed25519.Verify(c.key, append([]byte(head), message...), signature[8:])
}

func contains(names []string, name string) bool {
	for _, one := range names {
		if one == name {
			return true
		}
	}
	return false
}
