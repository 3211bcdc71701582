import changes from './page/changes.js?raw';
import colours from './page/colours.css?raw';
import dom from './page/dom.js?raw';
import html from './page/index.html?raw';
import layout from './page/layout.css?raw';
import live from './page/live.js?raw';
import main from './page/main.js?raw';
import map from './page/map.js?raw';
import parts from './page/parts.css?raw';
import plot from './page/plot.js?raw';
import replicas from './page/replicas.js?raw';
import rules from './page/rules.js?raw';
import server from './page/server.js?raw';
import story from './page/story.js?raw';
import tiers from './page/tiers.js?raw';
import touch from './page/touch.js?raw';
import words from './page/words.js?raw';

interface Asset {
  readonly type: string;
  readonly text: string;
}

const css = (text: string): Asset => ({ type: 'text/css; charset=utf-8', text });
const js = (text: string): Asset => ({ type: 'text/javascript; charset=utf-8', text });

const ASSETS: Readonly<Record<string, Asset>> = {
  '': { type: 'text/html; charset=utf-8', text: html },
  'colours.css': css(colours),
  'layout.css': css(layout),
  'parts.css': css(parts),
  'changes.js': js(changes),
  'dom.js': js(dom),
  'live.js': js(live),
  'main.js': js(main),
  'map.js': js(map),
  'plot.js': js(plot),
  'replicas.js': js(replicas),
  'rules.js': js(rules),
  'server.js': js(server),
  'story.js': js(story),
  'tiers.js': js(tiers),
  'touch.js': js(touch),
  'words.js': js(words),
};

/** A file of the page by its name below the mount, '' being the page itself. */
export const assetOf = (name: string): Asset | undefined => (Object.hasOwn(ASSETS, name) ? ASSETS[name] : undefined);
