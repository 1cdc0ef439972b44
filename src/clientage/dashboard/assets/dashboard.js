/* What the pages do without asking the server: colours, the menu, and the address that says what is shown. */
"use strict";

(() => {
  const KEPT = "clientage-scheme";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  const kept = () => {
    try { return window.localStorage.getItem(KEPT); } catch { return null; }
  };
  const keep = (scheme) => {
    try { window.localStorage.setItem(KEPT, scheme); } catch { /* a browser may forbid it: then it is forgotten */ }
  };
  const system = () => (dark.matches ? "dark" : "light");
  const wanted = () => kept() || system();
  const paint = (scheme) => {
    document.documentElement.dataset.mantineColorScheme = scheme;
    document.documentElement.dataset.agThemeMode = scheme;
  };

  paint(wanted());
  dark.addEventListener("change", () => {
    if (!kept() && window.dash_clientside.set_props) window.dash_clientside.set_props("scheme", { data: system() });
  });

  // a session that has ended leads to the login, and back to where one was
  const fetched = window.fetch.bind(window);
  window.fetch = async (...given) => {
    const answer = await fetched(...given);
    if (answer.status === 401) {
      const here = window.location.pathname + window.location.search;
      window.location.assign("/login?next=" + encodeURIComponent(here));
    }
    return answer;
  };

  // what costs much to draw is drawn when somebody comes near it
  const near = new IntersectionObserver((seen) => seen.filter((each) => each.isIntersecting).forEach(({ target }) => {
    near.unobserve(target);
    window.dash_clientside.set_props({ ...JSON.parse(target.id), type: "near" }, { data: true });
  }), { rootMargin: "200px" });

  const go = (href) => {
    window.history.pushState({}, "", href);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  };

  const components = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});
  components.CustomerLink = (cell) => {
    if (cell.value === undefined || cell.value === null) return null;
    const href = "/customer?id=" + encodeURIComponent(cell.value);
    const follow = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      go(href);
    };
    return window.React.createElement("a", { href, onClick: follow }, String(cell.value));
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.clientage = {
    scheme(clicks, now) {
      if (!now) return wanted();
      if (!clicks) return window.dash_clientside.no_update;
      const other = now === "dark" ? "light" : "dark";
      keep(other);
      return other;
    },

    paint(scheme) {
      paint(scheme || wanted());
      return scheme || wanted();
    },

    // the menu of a phone opens by its button, and closes where a page was chosen
    burger(opened, path, navbar) {
      const chosen = window.dash_clientside.callback_context.triggered_id === "url";
      if (chosen && opened) window.dash_clientside.set_props("burger", { opened: false });
      const open = opened && !chosen;
      document.documentElement.dataset.menu = open ? "open" : "closed";
      document.getElementById("burger")?.setAttribute("aria-expanded", String(open));
      return { ...navbar, collapsed: { mobile: !open } };
    },

    // after another page was chosen its title is read out, and the keyboard goes on from there
    arrive(children, path, before) {
      const title = document.querySelector("#page h1");
      document.title = title ? title.textContent + " · Clientage" : "Clientage";
      near.disconnect();
      document.querySelectorAll(".far").forEach((place) => near.observe(place));
      if (before && before !== path) {
        window.scrollTo(0, 0);
        document.getElementById("main").focus({ preventScroll: true });
      }
      return path;
    },

    address(values, ids, search) {
      const query = new URLSearchParams(search || "");
      ids.forEach((id, i) => {
        const value = values[i] === null || values[i] === undefined ? "" : String(values[i]);
        if (value === "" || value === id.default) query.delete(id.name);
        else query.set(id.name, value);
      });
      const text = query.toString();
      const found = text ? "?" + text : "";
      return found === (search || "") ? window.dash_clientside.no_update : found;
    },
  };
})();
