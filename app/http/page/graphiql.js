// Opens GraphiQL on this address with what the page says: headers and tabs. Nothing is loaded from elsewhere.
"use strict";

const place = document.getElementById("graphiql");
const settings = JSON.parse(place.dataset.settings);
const url = window.location.origin + "/graphql";

// A prefilled page opens as it was filled, whatever an earlier service on this port left behind; any other one remembers.
function memory() {
  const kept = new Map();
  return {
    getItem: (name) => (kept.has(name) ? kept.get(name) : null),
    setItem: (name, value) => void kept.set(name, String(value)),
    removeItem: (name) => void kept.delete(name),
    clear: () => kept.clear(),
    get length() {
      return kept.size;
    },
  };
}

const isPrefilled = settings.headers !== "" || settings.tabs.length > 0;
const headers = settings.headers === "" ? "" : JSON.stringify(JSON.parse(settings.headers), null, 2);
const properties = {
  fetcher: GraphiQL.createFetcher({ url }),
  plugins: [GraphiQLPluginExplorer.explorerPlugin()],
  defaultEditorToolsVisibility: "headers",
  defaultHeaders: headers || '{\n  "Authorization": "Bearer <your API key>"\n}',
  defaultQuery: "# Press the book at the left for the documentation.\n\n{\n  viewer {\n    tenant\n    keyName\n    scopes\n  }\n}\n",
  inputValueDeprecation: true,
  isHeadersEditorEnabled: true,
  shouldPersistHeaders: false,
};
if (isPrefilled) {
  properties.storage = memory();
}
if (settings.tabs.length > 0) {
  properties.defaultTabs = settings.tabs.map((tab) => ({ query: tab.query, variables: tab.variables, headers }));
  properties.variables = settings.tabs[0].variables; // of the first tab GraphiQL takes the query alone
}
ReactDOM.createRoot(place).render(React.createElement(GraphiQL, properties));
