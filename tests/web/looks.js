// How a page looks: what is wider than the window, which text is too faint for it (WCAG AA), and whether it is light or dark.
() => {
  const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

  function painted(...layers) {
    for (const layer of layers) {
      pixel.fillStyle = layer;
      pixel.fillRect(0, 0, 1, 1);
    }
    return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
  }

  function luminance(rgb) {
    const [r, g, b] = rgb.map((part) => (part <= 10 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function canvas() {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.backgroundColor = "Canvas";
    const found = getComputedStyle(probe).backgroundColor;
    probe.remove();
    return found;
  }

  function ground(element) {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(getComputedStyle(at).backgroundColor);
    return [canvas(), ...layers];
  }

  function contrast(element) {
    const below = ground(element);
    const [light, dark] = [luminance(painted(...below)), luminance(painted(...below, getComputedStyle(element).color))].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  }

  const shown = [...document.body.querySelectorAll("*")].filter((found) => found.checkVisibility());
  const written = shown.filter((found) => !found.closest("svg") && [...found.childNodes].some((part) => part.nodeType === 3 && part.data.trim()));
  const tell = (found) => found.outerHTML.slice(0, 160);
  const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
  return {
    tooWide: wide ? shown.filter((found) => found.getBoundingClientRect().right > innerWidth && !found.closest(".scroll, pre")).map(tell) : [],
    tooFaint: written.filter((found) => contrast(found) < 4.5).map((found) => `${contrast(found).toFixed(2)} ${tell(found)}`),
    scheme: luminance(painted(canvas())) > 0.5 ? "light" : "dark",
  };
}
