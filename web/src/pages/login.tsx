// Login with a token, or with a link that works once.
import { useEffect, useState } from "preact/hooks";
import { post } from "../api";
import { go, readSession } from "../state";
import { Head } from "../ui";

export function Login() {
  const [token, setToken] = useState("");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  async function enter(secret: string) {
    setBusy(true);
    setWrong("");
    try {
      await post("/v1/session", { token: secret.trim() });
      await readSession();
      if (location.pathname.startsWith("/admin/login")) go("/admin/", true);
    } catch (e) {
      setWrong((e as Error).message);
    }
    setBusy(false);
  }
  useEffect(() => {
    const code = /^#code=(.+)$/.exec(location.hash)?.[1];
    if (!code) return;
    history.replaceState(null, "", "/admin/login"); // the code is not to stay in the address bar
    void enter(decodeURIComponent(code));
  }, []);
  return (
    <main class="login" id="main">
      <form class="card form" onSubmit={(e) => { e.preventDefault(); void enter(token); }}>
        <Head title="docq" note="Log in to see the queue" />
        <label>Access token <input type="password" autocomplete="current-password" value={token} required placeholder="dq_…" onInput={(e) => setToken(e.currentTarget.value)} /></label>
        {wrong && <p class="wrong" role="alert">{wrong}</p>}
        <button class="primary" disabled={busy}>{busy ? "One moment…" : "Log in"}</button>
        <p class="note">No token at hand? On the server, <code>docq token login</code> prints a link that logs you in once.</p>
      </form>
    </main>
  );
}
