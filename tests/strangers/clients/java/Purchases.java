import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;

/** Plays purchases with the JDK's client, or with OkHttp, as they come; see ../README.md. */
public final class Purchases {
    record Purchase(int number, int cents) {}
    record Answer(int status, JsonObject body, String position, String replayed) {}

    private static final Gson GSON = new Gson();
    private static final AtomicLong CALLS = new AtomicLong(), TOTAL = new AtomicLong();
    private static final AtomicLong PERMITTED = new AtomicLong(), REFUSED = new AtomicLong();
    private static final HttpClient JDK = HttpClient.newHttpClient();
    private static final OkHttpClient OKHTTP = new OkHttpClient();
    private static String with, url, operator, run;

    private static Answer sent(boolean post, String path, Map<String, String> head, Map<String, ?> body) throws Exception {
        if (with.equals("okhttp")) {
            var json = body == null ? RequestBody.create(new byte[0])
                : RequestBody.create(GSON.toJson(body), MediaType.get("application/json"));
            var request = new Request.Builder().url(url + path);
            head.forEach(request::header);
            try (var answer = OKHTTP.newCall((post ? request.post(json) : request).build()).execute()) {
                var text = GSON.fromJson(answer.body().string(), JsonObject.class);
                return new Answer(answer.code(), text, answer.header("Kippu-Position"), answer.header("Idempotent-Replayed"));
            }
        }
        var request = HttpRequest.newBuilder(URI.create(url + path));
        head.forEach(request::header);
        if (post && body == null) {
            request.POST(HttpRequest.BodyPublishers.noBody());
        } else if (post) {
            request.header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(GSON.toJson(body)));
        }
        var answer = JDK.send(request.build(), HttpResponse.BodyHandlers.ofString());
        var headers = answer.headers();
        return new Answer(answer.statusCode(), GSON.fromJson(answer.body(), JsonObject.class),
            headers.firstValue("Kippu-Position").orElse(null), headers.firstValue("Idempotent-Replayed").orElse(null));
    }

    private static Answer call(int status, String key, String path, String name, String since, Map<String, ?> body)
            throws Exception {
        var head = new LinkedHashMap<>(Map.of("Authorization", "Bearer " + key));
        head.put(name != null ? "Idempotency-Key" : "Kippu-Min-Position", name != null ? run + "-" + name : since);
        var answer = sent(name != null, path, head, body);
        check(answer.status() == status, path + ": " + answer);
        CALLS.incrementAndGet();
        return answer;
    }

    private static Answer post(int status, String key, String path, String name, Map<String, ?> body) throws Exception {
        return call(status, key, path, name, null, body);
    }

    private static void check(boolean holds, Object what) {
        if (!holds) {
            throw new IllegalStateException(what.toString());
        }
    }

    private static Void play(String till, String customer, List<Purchase> purchases) throws Exception {
        var limit = Map.of("source", "fixed", "amount", 10000, "currency", "EUR");
        var registered = Map.of("login", run + "-" + customer, "limit", limit);
        var user = post(201, operator, "/v1/users", "u-" + customer, registered).body().get("id").getAsString();
        var terminal = Map.of("role", "terminal", "name", customer, "user", user);
        var phone = post(201, operator, "/v1/clients", "phone-" + customer, terminal).body().get("key").getAsString();
        var placement = post(201, operator, "/v1/placements", "bare-" + customer, Map.of("label", "bare")).body();
        post(200, operator, "/v1/placements/" + placement.get("id").getAsString() + "/close", "close-" + customer, null);
        int paid = 0, count = 0;
        String position = null;
        for (var one : purchases) {
            var amount = Map.of("amount", one.cents(), "currency", "EUR");
            var status = paid + one.cents() <= 10000 ? 201 : 409;
            var approval = post(status, phone, "/v1/approvals", "ask-" + one.number(), amount);
            if (one.number() % 7 == 0) {
                var again = post(status, phone, "/v1/approvals", "ask-" + one.number(), amount);
                check("true".equals(again.replayed()), again);
                check(status == 409 || again.body().equals(approval.body()), again);
            }
            position = approval.position();
            if (status == 409) {
                REFUSED.incrementAndGet();
                continue;
            }
            var place = "/v1/approvals/" + approval.body().get("id").getAsString();
            var token = Map.of("token", approval.body().get("token").getAsString());
            post(200, till, "/v1/approvals/redeem", "redeem-" + one.number(), token);
            position = post(200, till, place + "/settle", "settle-" + one.number(), amount).position();
            paid += one.cents();
            count++;
            if (one.number() % 5 == 0) {
                var row = call(200, phone, place, null, position, null).body();
                check(row.get("state").getAsString().equals("settled"), row);
                check(row.get("settled_amount").getAsInt() == one.cents(), row);
            }
        }
        var row = call(200, operator, "/v1/spending/" + user, null, position, null).body();
        check(row.get("charged").getAsInt() == paid && row.get("purchases").getAsInt() == count, row);
        check(row.get("reserved").getAsInt() == 0, row);
        TOTAL.addAndGet(paid);
        PERMITTED.addAndGet(count);
        return null;
    }

    public static void main(String[] args) throws Exception {
        with = args[0];
        url = args[1];
        operator = args[2];
        run = args[4];
        var customers = new LinkedHashMap<String, List<Purchase>>();
        var number = 0;
        for (var line : Files.readAllLines(Path.of(args[3]))) {
            var column = line.trim().split("\\s+");
            var cents = new BigDecimal(column[3]).movePointRight(2).intValueExact();
            customers.computeIfAbsent(column[0], name -> new ArrayList<>()).add(new Purchase(number, cents));
            number++;
        }
        var settler = post(201, operator, "/v1/clients", "till", Map.of("role", "settler", "name", "till"));
        var till = settler.body().get("key").getAsString();
        var pool = Executors.newFixedThreadPool(Integer.parseInt(args[5]));
        var played = new ArrayList<Future<Void>>();
        customers.forEach((name, purchases) -> played.add(pool.submit(() -> play(till, name, purchases))));
        for (var one : played) {
            one.get();
        }
        System.out.printf("%d calls, %d permitted for %d.%02d, %d refused%n",
            CALLS.get(), PERMITTED.get(), TOTAL.get() / 100, TOTAL.get() % 100, REFUSED.get());
        System.exit(0);
    }
}
