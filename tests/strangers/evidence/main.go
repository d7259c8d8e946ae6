// Checks a bundle of evidence against a verifier key, with the libraries of Go's checksum database and nothing of kippu's:
// evidence BUNDLE KEY. docs/evidence.md has the same steps one by one.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type bundle struct {
	Checkpoint, Cut string
	CutProof        tlog.RecordProof `json:"cut_proof"`
	Records         []struct {
		Partition int
		Number    int64
		Proof     tlog.RecordProof
		Prev      string
		Record    []byte
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// The hash by which the log knows a record.
func recordHash(record []byte, number int64, prev string) []byte {
	body, digest := record[:len(record)-32], record[len(record)-32:]
	if sum := sha256.Sum256(append([]byte("kippu.record.1"), body...)); !bytes.Equal(sum[:], digest) {
		log.Fatal("a record has another digest")
	}
	if prev == "" {
		return digest
	}
	before, err := hex.DecodeString(prev)
	check(err)
	claim := append([]byte("kippu.claim.1"), digest...)
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(claim, uint64(number)), before...))
	return sum[:]
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	check(err)
	var b bundle
	check(json.Unmarshal(text, &b))
	key, err := note.NewVerifier(os.Args[2])
	check(err)
	signed, err := note.Open([]byte(b.Checkpoint), note.VerifierList(key))
	check(err)
	size, root := tree(strings.SplitN(signed.Text, "\n", 2)[1])
	check(tlog.CheckRecord(b.CutProof, size, root, size-1, tlog.RecordHash([]byte(b.Cut))))
	cut := strings.Split(b.Cut, "\n")
	for _, r := range b.Records {
		line := strings.Fields(cut[r.Partition])
		size, root := tree(line[1] + "\n" + line[2] + "\n")
		leaf := tlog.RecordHash(recordHash(r.Record, r.Number, r.Prev))
		check(tlog.CheckRecord(r.Proof, size, root, r.Number, leaf))
	}
	fmt.Printf("%d records are in the history that %s has signed\n", len(b.Records), key.Name())
}

// A size and a root, each on a line of its own.
func tree(text string) (size int64, root tlog.Hash) {
	var hash string
	_, err := fmt.Sscanf(text, "%d\n%s\n", &size, &hash)
	check(err)
	root, err = tlog.ParseHash(hash)
	check(err)
	return size, root
}
