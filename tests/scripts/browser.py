#!/usr/bin/env python3
"""Buys one thing with Chromium, scripts switched off, by WebDriver (https://www.w3.org/TR/webdriver2/), with nothing but Python's
standard library: browser.py FOLDER SHOP_PAGE AUTHENTICATION_SERVER SETTLEMENT_SERVER LOGIN PIN. Pictures of the pages and what was bought
are left in FOLDER. Debian's packages are chromium and chromium-driver."""

import base64
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
WIDTH, HEIGHT = 360, 740
PATIENCE_SECS = 60


class Failed(Exception):
    pass


class Browser:
    def __init__(self, folder):
        self.folder = folder
        self.log = open(os.path.join(folder, "chromedriver.log"), "wb")
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.session = None
        self.at = self.listening()
        options = {
            "args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars",
                     "--user-data-dir=" + os.path.join(folder, "profile")],
            # 2: blocked.
            "prefs": {"profile.managed_default_content_settings.javascript": 2,
                      "download.default_directory": os.path.join(folder, "downloads"),
                      "credentials_enable_service": False},
            "mobileEmulation": {"deviceMetrics": {"width": WIDTH, "height": HEIGHT, "pixelRatio": 2, "touch": False}},
        }
        asked = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
        self.session = self.ask("POST", "/session", asked)["sessionId"]

    def listening(self):
        for line in self.driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return "http://127.0.0.1:" + found.group(1)
        raise Failed("chromedriver did not start")

    def ask(self, method, path, body=None):
        data = None if method == "GET" else json.dumps(body or {}).encode()
        path = path if self.session is None else f"/session/{self.session}{path}"
        request = urllib.request.Request(self.at + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECS) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise Failed(f"{method} {path}: {error.read().decode(errors='replace')[:500]}") from error

    def close(self):
        try:
            if self.session is not None:
                self.ask("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.log.close()

    def go(self, url):
        self.ask("POST", "/url", {"url": url})

    def url(self):
        return self.ask("GET", "/url")

    def title(self):
        return self.ask("GET", "/title")

    def find(self, css, text=None):
        """The elements; with a text, those that show it."""
        found = [it[ELEMENT] for it in self.ask("POST", "/elements", {"using": "css selector", "value": css})]
        return [it for it in found if text is None or text in self.ask("GET", f"/element/{it}/text")]

    def one(self, css, text=None):
        found = self.find(css, text)
        if len(found) != 1:
            raise Failed(f"{len(found)} of {css!r} {text or ''} on {self.url()}: {self.ask('GET', '/source')}")
        return found[0]

    def type(self, css, text):
        element = self.one(css)
        self.ask("POST", f"/element/{element}/clear")
        self.ask("POST", f"/element/{element}/value", {"text": text})

    def click(self, css, text=None):
        self.ask("POST", f"/element/{self.one(css, text)}/click")

    def wait(self, what, is_so):
        begun = time.monotonic()
        while not is_so():
            if time.monotonic() - begun > PATIENCE_SECS:
                raise Failed(f"no {what} on {self.url()}: {self.ask('GET', '/source')}")
            time.sleep(0.1)

    def picture(self, name):
        """Of the whole page, which must not be wider than the screen."""
        html = self.one("html")
        size = self.ask("GET", f"/element/{self.one('body')}/rect")
        if size["width"] > WIDTH:
            raise Failed(f"{name} is {size['width']} wide")
        for element in self.find("main *"):
            rect = self.ask("GET", f"/element/{element}/rect")
            if rect["x"] + rect["width"] > WIDTH + 1:
                raise Failed(f"something on {name} ends at {rect['x'] + rect['width']}")
        self.accessible(name)
        with open(os.path.join(self.folder, name + ".png"), "wb") as file:
            file.write(base64.b64decode(self.ask("GET", "/screenshot")))

    def accessible(self, name):
        """What assistive technology makes of it: a language, one heading of the page, and a name for all that is filled in or pressed."""
        if self.ask("GET", f"/element/{self.one('html')}/attribute/lang") != "en" or len(self.find("h1")) != 1:
            raise Failed(f"{name} has no language or no heading")
        for element in self.find("input:not([type=hidden]), button, a, select"):
            if not self.ask("GET", f"/element/{element}/computedlabel").strip():
                raise Failed(f"something on {name} has no name")


def signed_in(browser, login, pin):
    # On a busy machine, PINs wait in a line that ends.
    if browser.title() == "Too much is under way":
        browser.ask("POST", "/back")
    if browser.title() == "Sign in":
        browser.type("input[name=login]", login)
        browser.type("input[name=pin]", pin)
        browser.click("button", "Sign in")
    return browser.title() == "Approve a purchase"


def buy(browser, shop, authenticator, settler, login, pin):
    browser.go("data:text/html,<title>off</title><script>document.title='on'</script>")
    if browser.title() != "off":
        raise Failed("scripts are on")
    browser.go(shop)
    browser.picture("product")
    browser.click("button", "Ask for an offer")
    browser.wait("offer", lambda: browser.title() == "Offer")
    browser.picture("offer")
    browser.click(f"form[action^='{authenticator}'] button")
    browser.wait("place to sign in", lambda: browser.title() == "Sign in")
    browser.picture("sign-in")
    browser.wait("question", lambda: signed_in(browser, login, pin))
    browser.picture("approve")
    browser.click("button", "Approve")
    browser.wait("approval", lambda: browser.title() == "Approved")
    browser.picture("approved")
    browser.click(f"form[action^='{settler}'] button")
    browser.wait("purchase", lambda: browser.title() == "Your purchase")
    if not browser.url().startswith(settler + "/settlements/"):
        raise Failed(f"led to {browser.url()}")
    # Loaded again by itself until then.
    browser.wait("file", lambda: browser.find("a[download]"))
    browser.picture("purchase")
    browser.click("a[download]")
    file = os.path.join(browser.folder, "downloads", "song.ogg")
    browser.wait("download", lambda: os.path.exists(file))
    browser.click("button", "I have everything")
    browser.wait("receipt", lambda: browser.find("span", "received"))
    browser.picture("received")
    if browser.find("a[download]") or browser.find("button"):
        raise Failed("it is to be had a second time")


def main():
    folder, *arguments = sys.argv[1:]
    os.makedirs(os.path.join(folder, "downloads"), exist_ok=True)
    browser = Browser(folder)
    try:
        buy(browser, *arguments)
    except Failed as failed:
        print(f"browser: {failed}", file=sys.stderr)
        return 1
    finally:
        browser.close()
    print("browser: bought")
    return 0


if __name__ == "__main__":
    sys.exit(main())
