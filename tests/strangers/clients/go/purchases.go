// Plays purchases with net/http, or with resty, as they come; see ../README.md.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-resty/resty/v2"
)

type fields map[string]any

type purchase struct {
	number int
	cents  int
}

var with, url, operator, run = os.Args[1], os.Args[2], os.Args[3], os.Args[5]
var calls, total, permitted, refused atomic.Int64
var client = resty.New()

func check(holds bool, what ...any) {
	if !holds {
		fmt.Println(what...)
		os.Exit(1)
	}
}

func sent(method, path string, head map[string]string, body fields) (int, []byte, http.Header) {
	if with == "resty" {
		request := client.R().SetHeaders(head)
		if body != nil {
			request.SetBody(map[string]any(body))
		}
		answer, err := request.Execute(method, url+path)
		check(err == nil, path, err)
		return answer.StatusCode(), answer.Body(), answer.Header()
	}
	var reader io.Reader
	if body != nil {
		written, _ := json.Marshal(body)
		reader = bytes.NewReader(written)
		head["Content-Type"] = "application/json"
	}
	request, err := http.NewRequest(method, url+path, reader)
	check(err == nil, path, err)
	for name, value := range head {
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	check(err == nil, path, err)
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	check(err == nil, path, err)
	return answer.StatusCode, read, answer.Header
}

func call(status int, key, path, name, since string, body fields) (fields, http.Header) {
	method, head := "GET", map[string]string{"Authorization": "Bearer " + key}
	if name != "" {
		method, head["Idempotency-Key"] = "POST", run+"-"+name
	} else {
		head["Kippu-Min-Position"] = since
	}
	found, text, header := sent(method, path, head, body)
	var answer fields
	err := json.Unmarshal(text, &answer)
	check(found == status && err == nil, path, found, string(text), err)
	calls.Add(1)
	return answer, header
}

func post(status int, key, path, name string, body fields) (fields, http.Header) {
	return call(status, key, path, name, "", body)
}

func play(till, customer string, purchases []purchase) {
	limit := fields{"source": "fixed", "amount": 10000, "currency": "EUR"}
	user, _ := post(201, operator, "/v1/users", "u-"+customer, fields{"login": run + "-" + customer, "limit": limit})
	terminal := fields{"role": "terminal", "name": customer, "user": user["id"]}
	opened, _ := post(201, operator, "/v1/clients", "phone-"+customer, terminal)
	phone := opened["key"].(string)
	placement, _ := post(201, operator, "/v1/placements", "bare-"+customer, fields{"label": "bare"})
	post(200, operator, "/v1/placements/"+placement["id"].(string)+"/close", "close-"+customer, nil)
	paid, count, position := 0, 0, ""
	for _, one := range purchases {
		amount, status := fields{"amount": one.cents, "currency": "EUR"}, 201
		if paid+one.cents > 10000 {
			status = 409
		}
		name := strconv.Itoa(one.number)
		approval, head := post(status, phone, "/v1/approvals", "ask-"+name, amount)
		if one.number%7 == 0 {
			again, repeated := post(status, phone, "/v1/approvals", "ask-"+name, amount)
			check(again["token"] == approval["token"] && repeated.Get("Idempotent-Replayed") == "true", again)
		}
		position = head.Get("Kippu-Position")
		if status == 409 {
			refused.Add(1)
			continue
		}
		place := "/v1/approvals/" + approval["id"].(string)
		post(200, till, "/v1/approvals/redeem", "redeem-"+name, fields{"token": approval["token"]})
		_, head = post(200, till, place+"/settle", "settle-"+name, amount)
		position, paid, count = head.Get("Kippu-Position"), paid+one.cents, count+1
		if one.number%5 == 0 {
			row, _ := call(200, phone, place, "", position, nil)
			check(row["state"] == "settled" && row["settled_amount"] == float64(one.cents), row)
		}
	}
	row, _ := call(200, operator, "/v1/spending/"+user["id"].(string), "", position, nil)
	check(row["charged"] == float64(paid) && row["purchases"] == float64(count) && row["reserved"] == 0.0, row)
	total.Add(int64(paid))
	permitted.Add(int64(count))
}

func main() {
	text, err := os.ReadFile(os.Args[4])
	check(err == nil, err)
	workers, err := strconv.Atoi(os.Args[6])
	check(err == nil, err)
	purchases, names := map[string][]purchase{}, make(chan string, 1<<20)
	for number, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		column := strings.Fields(line)
		price, err := strconv.ParseFloat(column[3], 64)
		check(err == nil, line)
		if purchases[column[0]] == nil {
			names <- column[0]
		}
		purchases[column[0]] = append(purchases[column[0]], purchase{number, int(math.Round(price * 100))})
	}
	close(names)
	till, _ := post(201, operator, "/v1/clients", "till", fields{"role": "settler", "name": "till"})
	var group sync.WaitGroup
	for range make([]struct{}, workers) {
		group.Add(1)
		go func() {
			defer group.Done()
			for name := range names {
				play(till["key"].(string), name, purchases[name])
			}
		}()
	}
	group.Wait()
	fmt.Printf("%d calls, %d permitted for %d.%02d, %d refused\n",
		calls.Load(), permitted.Load(), total.Load()/100, total.Load()%100, refused.Load())
}
