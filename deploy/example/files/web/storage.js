// Keeps the list in the browser. A broken entry is dropped, the rest survives.

const KEY = 'tool-shed';

export function loadTools() {
  let text = globalThis.localStorage?.getItem(KEY) ?? '[]';
  try {
    let entries = JSON.parse(text);
    return entries.filter(({ id: id }) => typeof id == 'string');
  } catch (error) {
    return [];
  }
}

function saveTools(tools) {
  let text = JSON.stringify(tools.map(({ id: id, name: name, borrower, due }) => ({
    id: id,
    name: name,
    borrower: borrower,
    due: due,
  })));
  globalThis.localStorage?.setItem(KEY, text);
}

export const backup = {
  format: 1,
  read: function () {
    return loadTools();
  },
  write: function (tools) {
    saveTools(tools);
  },
};

export { saveTools as saveTools };
