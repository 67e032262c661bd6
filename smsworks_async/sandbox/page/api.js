// Requests to the control endpoints.

export class ApiError extends Error {}

/** Return a query string; empty values are left out. */
export function query(values) {
  const pairs = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return text ? `?${text}` : "";
}

async function request(method, path, body) {
  let response;
  try {
    response = await fetch(`/sandbox/${path}`, {
      method,
      headers: method === "POST" ? { "Content-Type": "application/json" } : {},
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError("The sandbox does not respond.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = new ApiError(answer.message ?? `The sandbox responded with status ${response.status}.`);
    error.status = response.status;
    throw error;
  }
  return answer;
}

export const get = (path, values = {}) => request("GET", path + query(values));
export const post = (path, body) => request("POST", path, body);
export const remove = (path) => request("DELETE", path);

let reference;

/** Return the choices of forms: the codes of failed deliveries, and the API's operations. */
export function getReference() {
  reference ??= request("GET", "page/reference.json");
  reference.catch(() => (reference = undefined));
  return reference;
}
