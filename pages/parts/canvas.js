// A canvas to paint a mask over a picture, or to sketch in colours.
//
// Mask: what is painted is opaque magenta on nothing, shown see-through; it is handed on white on black.
// Sketch: opaque colours on white paper, handed on as it is.
// A drawing goes to the page with a token, and comes back with the same token as the drawing that is kept. One that has
// another canvas's token, or none, was made elsewhere (an upload, a recipe, before a refresh) and is loaded.

const MASK = "#e6007a", PAPER = "#ffffff", MOST_UNDO = 20, NEAR = 40;
const COLOURS = {
  Black: "#1b1b1f", Grey: "#8b8f98", White: "#ffffff", Brown: "#7a4e2d", Red: "#d43a2f", Orange: "#f2913d",
  Yellow: "#f6d55c", Green: "#4c8f4a", Teal: "#3aa6a0", Sky: "#8ec9ee", Blue: "#2f5fae", Violet: "#7d5ba6",
};

const canvases = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".canvas");
  let easel = canvases.get(root);
  if (!easel) canvases.set(root, (easel = makeEasel(root)));
  easel.show(data, setStateValue);
}

function makeEasel(root) {
  const find = (name) => root.querySelector(name);
  const canvas = find("canvas"), paper = find(".paper"), behind = find(".behind");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const me = Math.random().toString(36).slice(2);
  const earlier = [];
  let tool = "brush", colour = COLOURS.Black, mask = true, sent = 0, shown = null, last = null, send = () => {};

  const blank = () => {
    if (mask) return context.clearRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = PAPER;
    context.fillRect(0, 0, canvas.width, canvas.height);
  };
  const remember = () => {
    earlier.push(context.getImageData(0, 0, canvas.width, canvas.height));
    if (earlier.length > MOST_UNDO) earlier.shift();
  };
  const changed = () => {
    find(".undo").disabled = !earlier.length;
    sent += 1;
    send("drawing", { png: exported(), token: `${me}.${sent}` });
  };
  const exported = () => {
    if (!mask) return canvas.toDataURL("image/png");
    const copy = document.createElement("canvas");
    copy.width = canvas.width;
    copy.height = canvas.height;
    const white = copy.getContext("2d");
    white.drawImage(canvas, 0, 0);
    white.globalCompositeOperation = "source-in";
    white.fillStyle = "#ffffff";
    white.fillRect(0, 0, copy.width, copy.height);
    white.globalCompositeOperation = "destination-over";
    white.fillStyle = "#000000";
    white.fillRect(0, 0, copy.width, copy.height);
    return copy.toDataURL("image/png");
  };
  const load = (address) => {
    earlier.length = 0;
    find(".undo").disabled = true;
    const wanted = shown;
    canvas.ariaBusy = String(Boolean(address)); // a stroke that came first would be painted over
    if (!address) return blank();
    const image = new Image();
    image.onload = image.onerror = () => {
      if (wanted !== shown) return; // another one was asked for since
      blank();
      if (image.width) lay(image);
      if (mask) seeThrough();
      canvas.ariaBusy = "false";
    };
    image.src = address;
  };
  const lay = (image) => {
    // A mask has its picture's shape. A sketch of another shape is cropped as it is for drawing (`fitted`).
    const across = canvas.width / image.width, down = canvas.height / image.height;
    const larger = Math.max(across, down);
    const [x, y] = mask ? [across, down] : [larger, larger];
    const width = image.width * x, height = image.height * y;
    context.drawImage(image, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  };
  const seeThrough = () => {
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    const [red, green, blue] = rgb(MASK);
    for (let at = 0; at < pixels.data.length; at += 4) {
      pixels.data.set([red, green, blue, pixels.data[at]], at); // how white it is becomes how much it covers
    }
    context.putImageData(pixels, 0, 0);
  };

  const brushWidth = () => {
    const share = Number(find(".size input").value) / 100; // up to a third of the longer side, finer where it is small
    return Math.max(1, share * share * 0.34 * Math.max(canvas.width, canvas.height));
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * canvas.width) / box.width,
      ((event.clientY - box.top) * canvas.height) / box.height,
    ];
  };
  const stroke = (from, to) => {
    context.globalCompositeOperation = mask && tool === "eraser" ? "destination-out" : "source-over";
    context.strokeStyle = mask ? MASK : tool === "eraser" ? PAPER : colour;
    context.lineWidth = brushWidth();
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0] + 0.01, to[1]); // a line of no length would draw nothing
    context.stroke();
    context.globalCompositeOperation = "source-over";
  };
  const end = () => {
    if (!last) return;
    last = null;
    changed();
  };
  canvas.onpointerdown = (event) => {
    if (event.button || last || canvas.ariaBusy === "true") return; // one finger, one stroke
    remember();
    if (tool === "bucket") {
      flood(context, ...place(event), rgb(colour));
      return changed();
    }
    canvas.setPointerCapture(event.pointerId);
    last = { id: event.pointerId, at: place(event) };
    stroke(last.at, last.at);
  };
  canvas.onpointermove = (event) => {
    if (!last || event.pointerId !== last.id) return;
    for (const each of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
      const to = place(each);
      stroke(last.at, to);
      last.at = to;
    }
  };
  canvas.onpointerup = canvas.onpointercancel = end;

  const take = (name) => {
    tool = name;
    for (const each of ["brush", "eraser", "bucket"]) find(`.${each}`).ariaPressed = String(each === tool);
  };
  for (const each of ["brush", "eraser", "bucket"]) find(`.${each}`).onclick = () => take(each);
  const undo = () => {
    if (!earlier.length) return;
    context.putImageData(earlier.pop(), 0, 0);
    changed();
  };
  find(".undo").onclick = undo;
  find(".clear").onclick = () => {
    remember();
    blank();
    changed();
  };
  find(".invert").onclick = () => {
    remember();
    context.globalCompositeOperation = "source-out";
    context.fillStyle = MASK;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = "source-over";
    changed();
  };
  canvas.onkeydown = (event) => {
    if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    undo();
  };
  makeColours(find(".colours"), (chosen) => {
    colour = chosen;
    if (tool === "eraser") take("brush");
  });

  const show = (data, setStateValue) => {
    send = setStateValue;
    mask = data.mask;
    paper.classList.toggle("mask", mask);
    paper.style.maxWidth = `${data.most}px`;
    paper.style.aspectRatio = `${data.width} / ${data.height}`;
    canvas.ariaLabel = data.label;
    find(".invert").hidden = !mask;
    find(".bucket").hidden = find(".colours").hidden = mask;
    behind.hidden = !data.behind;
    if (data.behind && behind.src !== data.behind) behind.src = data.behind;
    const resized = canvas.width !== data.width || canvas.height !== data.height;
    if (resized) [canvas.width, canvas.height] = [data.width, data.height];
    const mine = data.token.startsWith(`${me}.`);
    if (resized || (!mine && shown !== data.name)) {
      shown = data.name;
      load(data.drawing);
    }
    if (mine) shown = data.name;
  };
  return { show };
}

function makeColours(place, choose) {
  const buttons = Object.entries(COLOURS).map(([name, value]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.style.background = value;
    button.ariaLabel = button.title = name;
    button.onclick = () => pick(value, button);
    return button;
  });
  const own = document.createElement("input");
  own.type = "color";
  own.ariaLabel = own.title = "Another colour";
  own.oninput = () => pick(own.value, own);
  const pick = (value, chosen) => {
    for (const button of buttons) button.ariaPressed = String(button === chosen);
    choose(value);
  };
  place.append(...buttons, own);
  pick(COLOURS.Black, buttons[0]);
}

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

// Fill what hangs together around a point and has nearly its colour: strokes have soft edges.
function flood(context, x, y, [red, green, blue]) {
  const { width, height } = context.canvas;
  const start = Math.min(height - 1, Math.max(0, Math.floor(y))) * width + Math.min(width - 1, Math.max(0, Math.floor(x)));
  const pixels = context.getImageData(0, 0, width, height), { data } = pixels;
  const target = data.slice(4 * start, 4 * start + 3), seen = new Uint8Array(width * height), todo = [start];
  const near = (at) => [0, 1, 2].every((channel) => Math.abs(data[4 * at + channel] - target[channel]) <= NEAR);
  const visit = (at) => {
    if (seen[at]) return;
    seen[at] = 1;
    if (near(at)) todo.push(at);
    else data.set([red, green, blue], 4 * at); // the soft edge, and no further
  };
  seen[start] = 1;
  while (todo.length) {
    const at = todo.pop(), column = at % width;
    data.set([red, green, blue], 4 * at);
    if (column > 0) visit(at - 1);
    if (column < width - 1) visit(at + 1);
    if (at >= width) visit(at - width);
    if (at < width * (height - 1)) visit(at + width);
  }
  context.putImageData(pixels, 0, 0);
}
