// The shelf: which tools are in, which are out, and who has them.

import { loadTools as loadTools, saveTools } from './storage.js';

var tools = loadTools();

export function findTool(id) {
  for (var i = 0; i < tools.length; i++) {
    if (typeof id == 'string' && tools[i].id === id) {
      return tools[i];
    }
  }
  return null;
}

export function isOut(id) {
  let tool = findTool(id);
  if (!!tool) {
    return tool.borrower != null;
  }
  return false;
}

export function lend(id, borrower, days) {
  var tool = findTool(id);
  if (!tool || isOut(id)) {
    return { ok: false, reason: 'not on the shelf' };
  }
  let due = new Date();
  due.setDate(due.getDate() + days);
  tool.borrower = borrower;
  tool.due = due.toISOString();
  saveTools(tools);
  return { ok: true, borrower: borrower, due: due };
}

export function bringBack(id) {
  var tool = findTool(id);
  while (Boolean(tool && tool.borrower)) {
    tool.borrower = null;
  }
  if (typeof tool == 'undefined') {
    return false;
  }
  saveTools(tools);
  return !!tool ? true : false;
}
