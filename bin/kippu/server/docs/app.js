// Shows /openapi.json. Text only ever becomes text nodes, so nothing in the document can become markup.
"use strict";

function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function resolve(api, value) {
  let seen = 0;
  while (value && value.$ref && seen++ < 32) {
    value = value.$ref.slice(2).split("/").reduce((at, key) => at && at[key.replace(/~1/g, "/").replace(/~0/g, "~")], api);
  }
  return value || {};
}

function typeOf(api, schema, depth = 0) {
  if (schema === true) return "anything";
  const name = schema.$ref ? schema.$ref.split("/").pop() : null;
  const target = resolve(api, schema);
  const options = target.oneOf || target.anyOf;
  if (target.const !== undefined) return JSON.stringify(target.const);
  if (target.enum && target.enum.length > 20) return name;
  if (target.enum) return target.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (options && depth < 3) return options.map((option) => typeOf(api, option, depth + 1)).join(" | ");
  if (target.type === "array") return "array of " + typeOf(api, target.items || true, depth + 1);
  const type = Array.isArray(target.type) ? target.type.join(" | ") : target.type || "anything";
  return (name && type === "object" ? name : type) + (target.format ? ` (${target.format})` : "");
}

function fields(api, schema) {
  const target = resolve(api, schema);
  if (!target.properties) return element("p", { class: "quiet" }, typeOf(api, schema));
  const required = new Set(target.required || []);
  const rows = Object.entries(target.properties).map(([name, field]) =>
    element("tr", {},
      element("td", {}, element("code", {}, name), required.has(name) ? "" : element("span", { class: "quiet" }, " optional")),
      element("td", {}, typeOf(api, field)),
      element("td", {}, field.description || resolve(api, field).description || "")));
  return rows.length ? element("table", {}, ...rows) : element("p", { class: "quiet" }, "No fields.");
}

function parameters(api, list) {
  const rows = (list || []).map((parameter) => resolve(api, parameter)).map((parameter) =>
    element("tr", {},
      element("td", {}, element("code", {}, parameter.name), parameter.required ? "" : element("span", { class: "quiet" }, " optional")),
      element("td", {}, parameter.in),
      element("td", {}, parameter.description || "")));
  return rows.length ? element("table", {}, ...rows) : null;
}

function responses(api, map) {
  const rows = Object.entries(map || {}).map(([status, response]) => {
    const target = resolve(api, response);
    return element("tr", {}, element("td", {}, element("code", {}, status)), element("td", {}, target.description || ""));
  });
  return element("table", {}, ...rows);
}

function show(api) {
  const main = document.getElementById("operations");
  const contents = document.getElementById("contents");
  main.replaceChildren(element("h1", {}, `${api.info.title} ${api.info.version}`), element("p", {}, api.info.description || ""));
  const entries = [];
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (method === "head") continue;
      const body = resolve(api, operation.requestBody);
      const schema = body.content && body.content["application/json"] && body.content["application/json"].schema;
      const good = Object.entries(operation.responses || {}).find(([status]) => status.startsWith("2"));
      const answer = good && resolve(api, good[1]).content;
      const answerSchema = answer && answer["application/json"] && answer["application/json"].schema;
      const id = operation.operationId;
      const roles = operation["x-roles"];
      const section = element("section", { id },
        element("h2", {}, element("span", { class: "method" }, method.toUpperCase()), " ", element("code", {}, path)),
        element("p", {}, operation.summary || ""),
        roles ? element("p", { class: "quiet" }, operation.description) : null,
        operation.parameters ? element("h3", {}, "Parameters") : null, parameters(api, operation.parameters),
        schema ? element("h3", {}, "Body") : null, schema ? fields(api, schema) : null,
        answerSchema ? element("h3", {}, "Answer") : null, answerSchema ? fields(api, answerSchema) : null,
        element("h3", {}, "Statuses"), responses(api, operation.responses));
      const link = element("a", { href: `#${id}` }, element("span", { class: "method" }, method.toUpperCase()), " ", path);
      main.append(section);
      contents.append(link);
      entries.push([`${method} ${path} ${operation.summary || ""}`.toLowerCase(), section, link]);
    }
  }
  document.getElementById("search").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const [text, section, link] of entries) section.hidden = link.hidden = !text.includes(wanted);
  });
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

fetch("/openapi.json").then((answer) => answer.json()).then(show).catch((error) => {
  document.getElementById("operations").replaceChildren(element("p", {}, `The document could not be shown: ${error}`));
});
